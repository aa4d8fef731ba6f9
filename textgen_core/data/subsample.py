"""A part of a split that stands for the whole: spans of one length from all over it."""

from __future__ import annotations

import numpy as np

SPANS = 16


def subsample_evenly(token_ids: np.ndarray, wanted: int | None) -> np.ndarray:
    """Return about `wanted` of `token_ids`, integers `(tokens,)`; None: all of them.

    The spans are at even distances, the first at the beginning and the last at the end, and are
    concatenated: so each but the first begins after a token that it does not follow.
    """
    if wanted is None or wanted >= len(token_ids):
        return token_ids
    length = max(2, wanted // SPANS)
    starts = np.linspace(0, len(token_ids) - length, max(1, wanted // length)).astype(int)
    return np.concatenate([token_ids[start : start + length] for start in starts])
