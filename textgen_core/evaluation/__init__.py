"""Scores a model: loss, perplexity, bits per byte beside baselines, metrics, errors, diagnosis.

Only `scoring` uses TensorFlow. Nothing is exported here, since every module loads numpy.
"""
