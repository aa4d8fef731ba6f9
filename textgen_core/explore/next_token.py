"""The distribution of the next token at a temperature, and how open it leaves the choice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def distribution(
    logits: np.ndarray, temperature: float, suppressed: Sequence[int]
) -> tuple[np.ndarray, float]:
    """Return the softmax of logits `(vocabulary,)` over a temperature, and its entropy in bits.

    The probabilities are float64, and 0 for the suppressed tokens.
    """
    scaled = np.array(logits, np.float64)
    scaled[list(suppressed)] = -np.inf
    weights = np.exp((scaled - scaled.max()) / temperature)
    probabilities = weights / weights.sum()
    held = probabilities[probabilities > 0]
    return probabilities, float(max(0.0, -(held * np.log2(held)).sum()))
