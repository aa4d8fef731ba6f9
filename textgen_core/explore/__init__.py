"""A trained model looked into: which tokens are near each other, what attends to what, how a
temperature changes what comes next.

It takes a language model and knows nothing about runs, commands or terminals.
"""
