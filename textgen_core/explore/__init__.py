"""Looking into a trained model: which tokens are near each other, what attends to what, how a
temperature changes what comes next.
"""
