"""The distribution of the next token at several temperatures, and how open it leaves the choice.

This module knows nothing about models: it is given their logits.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from textgen_core.explore.limits import check_temperature


@attrs.frozen(kw_only=True)
class Distribution:
    """What may come next at a temperature.

    probabilities: float64 `(vocabulary,)`, 0 for what is never drawn; entropy: in bits.
    """

    temperature: float
    probabilities: np.ndarray = attrs.field(eq=False)
    entropy: float

    @property
    def choices(self) -> float:
        """How many equally probable tokens would leave the choice as open: 2 ** entropy."""
        return float(2.0**self.entropy)


def distribution(
    logits: np.ndarray, temperature: float, never_drawn: Sequence[int]
) -> Distribution:
    """Return the softmax of logits `(vocabulary,)` over a temperature, in float64.

    Raises UsageError for a temperature that cannot be used.
    """
    check_temperature(temperature)
    scaled = np.array(logits, np.float64)
    scaled[list(never_drawn)] = -np.inf
    scaled = (scaled - scaled.max()) / temperature
    weights = np.exp(scaled)
    probabilities = weights / weights.sum()
    held = probabilities[probabilities > 0]
    return Distribution(
        temperature=float(temperature),
        probabilities=probabilities,
        entropy=float(max(0.0, -(held * np.log2(held)).sum())),
    )
