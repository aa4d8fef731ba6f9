"""Scores of a model: loss, perplexity, bits per byte beside baselines, metrics, diagnosis."""
