"""Which token vectors lie near each other, by the angle between them, and sums of them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np


def directions(vectors: np.ndarray) -> np.ndarray:
    """Return vectors `(..., width)` scaled to length 1, float64; one of length 0 stays so."""
    wide = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(wide, axis=-1, keepdims=True)
    return wide / np.where(lengths > 0, lengths, 1)


def nearest(
    embeddings: np.ndarray, vector: np.ndarray, *, left_out: Collection[int], count: int
) -> list[tuple[int, float]]:
    """Return the `count` rows of `(vocabulary, width)` nearest to `(width,)`, the nearest first.

    Each with the cosine of the angle between them. Of equally near ones the lower id comes first.
    left_out: ids that are no answer.
    """
    similarities = directions(embeddings) @ directions(vector)
    ranked = np.argsort(-similarities, kind="stable")
    found = [int(each) for each in ranked if int(each) not in left_out][:count]
    return [(each, float(similarities[each])) for each in found]


def analogous(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Return where the fourth should lie if first is to second as third is to it: `(width,)`.

    3CosAdd (Mikolov et al. 2013, "Linguistic Regularities in Continuous Space Word
    Representations"): second - first + third, all scaled to length 1.
    """
    difference: np.ndarray = directions(second) - directions(first) + directions(third)
    return difference
