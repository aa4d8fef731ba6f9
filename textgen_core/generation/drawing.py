"""Drawing a token: one uniform number for each row, and the inverse of the cumulative distribution.

The numbers are a function of the seed, the sample's index and the new token's index, and of nothing
else: no batch size, chunk or device changes them. The sums here are exact, so what is drawn from
given logits does not depend on the order in which a machine adds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

# Weights are rounded down to whole multiples of 2**-32 of the largest. Sums of them are whole
# numbers below 2**53 for any vocabulary under two million tokens, so float64 adds them exactly.
WEIGHT_STEPS = np.float32(2.0**32)
LONG, BLOCK = 512, 128  # tokens of a vocabulary that is summed block by block, and of a block


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
    weights = np.exp(logits - np.maximum.reduce(logits, axis=1, keepdims=True))
    weights = np.floor(weights * WEIGHT_STEPS).astype(np.float64)
    return list(map(_place, weights, numbers.tolist()))


def _place(weights: np.ndarray, number: float) -> int:
    """Return where the sums of whole numbers `(vocabulary,)` pass a number's share of the total."""
    total = float(np.add.reduce(weights))
    if not total > 0:  # not a number, where no token is left
        return 0
    # Rounding could lift the product to the total, which no sum passes.
    goal, start = min(math.floor(number * total), total - 1), 0
    if len(weights) > LONG:
        whole = weights[: len(weights) // BLOCK * BLOCK].reshape(-1, BLOCK)
        ends = np.add.accumulate(np.add.reduce(whole, axis=1))
        block = int(ends.searchsorted(goal, side="right"))
        goal, start = goal - float(ends[block - 1]) if block else goal, block * BLOCK
        weights = weights[start : start + BLOCK]
    return start + int(np.add.accumulate(weights).searchsorted(goal, side="right"))


def log_probabilities(logits: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Return the logarithm of the probability of a token in each row, float32 `(rows,)`.

    logits: float32 `(rows, vocabulary)`; tokens: int `(rows,)`. NaN where a logit is no number.
    """
    highest = np.maximum.reduce(logits, axis=1)
    total = np.add.reduce(np.exp(logits - highest[:, None]), axis=1)
    found: np.ndarray = logits[np.arange(len(tokens)), tokens] - highest - np.log(total)
    return found
