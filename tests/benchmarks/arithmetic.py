"""How much arithmetic a training step does, by the common formula.

This module knows nothing about how a model is written, and nothing about time.
"""

from __future__ import annotations

from typing import Any

_PASSES = 3  # forward, and the gradients of the inputs and of the weights
FORMULA = (
    "6 x the matrices' weights, and 12 x layers x width x window for attention, a token "
    "(embeddings are looked up and cost nothing; the output's matrix counts)"
)


def operations_per_token(setting: dict[str, Any]) -> int:
    """Return the additions and multiplications of a training step for each token.

    A product with a matrix costs 2 for each of its weights, in each of three passes. Attention
    multiplies queries with keys and weights with values, 2 x width for each position of the window:
    4 x layers x width x window in each pass (masked positions included, as in Chowdhery et al.
    2022, appendix B).
    """
    operations = 2 * _PASSES * matrix_weights(setting)
    if setting["model"] == "transformer":
        attention = 4 * setting["layers"] * setting["width"] * setting["sequence_length"]
        operations += _PASSES * attention
    return operations


def matrix_weights(setting: dict[str, Any]) -> int:
    """Return how many weights take part in products of every token."""
    vocabulary = setting["vocabulary_size"]
    if setting["model"] == "transformer":
        width = setting["width"]
        block = 4 * width * width + 2 * width * setting["feed_forward"]
        return int(setting["layers"] * block + width * vocabulary)
    units = setting["units"]
    inputs = [setting["embedding"], *[units] * (setting["layers"] - 1)]
    return int(sum(4 * units * (each + units) for each in inputs) + units * vocabulary)
