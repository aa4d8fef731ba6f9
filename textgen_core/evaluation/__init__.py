"""Scores a model: loss, perplexity, bits per byte beside baselines, metrics, errors, diagnosis.

Only `scoring` uses TensorFlow. What is exported here loads no tokenizer either.
"""

from __future__ import annotations

from textgen_core.evaluation.figures import Figures, measure_losses, read_perplexity
from textgen_core.evaluation.surprisal import LEVEL_NAMES, LIMITS, ScoredText, ScoredToken, level_of

__all__ = [
    "LEVEL_NAMES",
    "LIMITS",
    "Figures",
    "ScoredText",
    "ScoredToken",
    "level_of",
    "measure_losses",
    "read_perplexity",
]
