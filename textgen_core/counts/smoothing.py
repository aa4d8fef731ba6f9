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
    contexts = len(starts) - 1
    parents = np.repeat(np.arange(contexts), np.diff(starts))
    taken = find_discounts(counts)[np.minimum(counts, 3)]
    totals = np.bincount(parents, weights=counts, minlength=contexts)
    left = np.bincount(parents, weights=taken, minlength=contexts)
    some = np.maximum(totals, 1)
    discounted = np.maximum(counts - taken, 0) / some[parents]
    return discounted.astype(np.float32), np.where(totals > 0, left / some, 1).astype(np.float32)


def find_discounts(counts: np.ndarray) -> np.ndarray:
    """Return what is taken from a count of 0, 1, 2, and 3 or more: float64 `(4,)`.

    Of every count something is taken: else nothing would be left for a token that is new there.
    """
    seen = np.bincount(np.minimum(counts, 5), minlength=6).astype(np.float64)
    one, two, three, four = seen[1:5]
    if not (one and two and three):
        return _DISCOUNTS
    share = one / (one + 2 * two)
    wanted = [0, 1 - 2 * share * two / one, 2 - 3 * share * three / two]
    wanted.append(3 - 4 * share * four / three)
    found = np.minimum(wanted, np.arange(4.0))
    return np.where(found > 0, found, _DISCOUNTS)
