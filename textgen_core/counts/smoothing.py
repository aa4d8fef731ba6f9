"""What modified Kneser-Ney smoothing makes of counts: three discounts, and what they leave.

Chen and Goodman (1999), section 3: something is taken from every count, and given to the tokens
that the shorter context expects.
"""

from __future__ import annotations

import numpy as np

_DISCOUNTS = np.array([0.0, 0.5, 1.0, 1.5])  # where the counts of counts give none, as in KenLM


def smooth(counts: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the discounted probabilities of n-grams, and what is left to the shorter contexts.

    Args:
        counts: integers `(n-grams,)`, those of one context beside each other.
        starts: integers `(contexts + 1,)`, where the n-grams of each context begin.

    Returns:
        float32 `(n-grams,)` and `(contexts,)`. A context without a count leaves all.
    """
    taken = find_discounts(counts).take(counts, mode="clip")  # 3 stands for more
    totals = _sums(counts, starts)
    shares = 1 / np.maximum(totals, 1)
    discounted = (counts - taken) * np.repeat(shares, np.diff(starts))
    left = np.where(totals > 0, _sums(taken, starts) * shares, 1)
    return discounted.astype(np.float32), left.astype(np.float32)


def _sums(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the sum of the values of each context."""
    sums = np.zeros(len(values) + 1, values.dtype)
    np.cumsum(values, out=sums[1:])
    return np.diff(sums[starts])


def find_discounts(counts: np.ndarray) -> np.ndarray:
    """Return what is taken from a count of 0, 1, 2, and 3 or more: float64 `(4,)`.

    Of every count something is taken: else nothing would be left for a token that is new there.
    """
    one, two, three, four = (np.count_nonzero(counts == each) for each in (1, 2, 3, 4))
    if not (one and two and three):
        return _DISCOUNTS
    share = one / (one + 2 * two)
    wanted = [0, 1 - 2 * share * two / one, 2 - 3 * share * three / two]
    wanted.append(3 - 4 * share * four / three)
    found = np.minimum(wanted, np.arange(4.0))
    return np.where(found > 0, found, _DISCOUNTS)
