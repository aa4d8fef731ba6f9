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
BLOCK = 256  # tokens that are summed at once, so that few sums are added up one after the other


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
    weights *= WEIGHT_STEPS
    np.floor(weights, out=weights)
    return list(map(_place, weights, numbers.tolist()))


def _place(weights: np.ndarray, number: float) -> int:
    """Return where the sums of whole numbers `(vocabulary,)` pass a number's share of the total."""
    is_long = len(weights) > BLOCK
    ends = _ends_of_blocks(weights) if is_long else np.add.accumulate(weights, dtype=np.float64)
    total = float(ends[-1])
    if not total > 0:  # not a number, where no token is left
        return 0
    # Rounding could lift the product to the total, which no sum passes.
    goal = min(math.floor(number * total), total - 1)
    place = int(ends.searchsorted(goal, side="right"))
    if not is_long:
        return place
    if place:
        goal -= float(ends[place - 1])
    start = place * BLOCK
    ends = np.add.accumulate(weights[start : start + BLOCK], dtype=np.float64)
    return start + int(ends.searchsorted(goal, side="right"))


def _ends_of_blocks(weights: np.ndarray) -> np.ndarray:
    """Return the sum up to the end of each block, float64; the last block may be short or empty."""
    blocks = len(weights) // BLOCK
    sums = np.empty(blocks + 1)
    whole = weights[: blocks * BLOCK].reshape(blocks, BLOCK)
    np.add.reduce(whole, axis=1, dtype=np.float64, out=sums[:-1])
    sums[-1] = np.add.reduce(weights[blocks * BLOCK :], dtype=np.float64)
    ends: np.ndarray = np.add.accumulate(sums)
    return ends


def log_probabilities(logits: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Return the logarithm of the probability of a token in each row, float32 `(rows,)`.

    logits: float32 `(rows, vocabulary)`; tokens: int `(rows,)`. NaN where a logit is no number.
    """
    highest = np.maximum.reduce(logits, axis=1)
    total = np.add.reduce(np.exp(logits - highest[:, None]), axis=1)
    found: np.ndarray = logits[np.arange(len(tokens)), tokens] - highest - np.log(total)
    return found
