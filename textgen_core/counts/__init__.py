"""An n-gram model of the training tokens, which is mixed with the network: counted, kept, asked.

Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999, "An empirical study of smoothing
techniques for language modeling"). All is numpy. Nothing is exported here, since every module
loads it.
"""
