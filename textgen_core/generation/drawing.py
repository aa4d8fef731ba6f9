"""Drawing a token: one uniform number for each row, and the inverse of the cumulative distribution.

The numbers are a function of the seed, the sample's index and the new token's index, and of nothing
else: no batch size, chunk or device changes them. The sums here are exact, so what is drawn from
given logits does not depend on the order in which a machine adds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Weights are rounded down to whole multiples of 2**-32 of the largest. Sums of them are whole
# numbers below 2**53 for any vocabulary under two million tokens, so float64 adds them exactly.
WEIGHT_STEPS = np.float32(2.0**32)


def uniform_numbers(seed: int, sample_indices: Sequence[int], count: int) -> np.ndarray:
    """Return float64 `(samples, count)` in [0, 1): the numbers of each sample's new tokens.

    Philox of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011),
    keyed by the seed and the sample's index. A longer row begins as a shorter one.
    """
    rows = [
        np.random.Philox(key=np.array([seed % 2**64, index], np.uint64)).random_raw(count)
        for index in sample_indices
    ]
    return np.stack(rows).astype(np.uint64).__rshift__(np.uint64(11)) * 2.0**-53


def draw(logits: np.ndarray, numbers: np.ndarray) -> list[int]:
    """Return the token of each row at which the cumulative probability passes its number.

    logits: float32 `(rows, vocabulary)`; numbers: `(rows,)` in [0, 1). A token of logit -inf is
    never drawn, provided that its row has another.
    """
    return [_draw_one(row, number) for row, number in zip(logits, numbers, strict=True)]


def _draw_one(logits: np.ndarray, number: float) -> int:
    candidates = np.flatnonzero(logits > -np.inf)  # after most samplers they are few
    if len(candidates) < 2:
        return int(candidates[0]) if len(candidates) else 0
    left = logits[candidates]
    weights = np.floor(np.exp(left - left.max()) * WEIGHT_STEPS)
    ends = np.cumsum(weights, dtype=np.float64)
    # Rounding could lift the product to the total, which no cumulative sum passes.
    goal = min(np.floor(number * ends[-1]), ends[-1] - 1)
    return int(candidates[np.searchsorted(ends, goal, side="right")])
