"""A split's losses by what they belong to: how rare a token is, and where in its context it stands.

This module knows nothing about text or models.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from textgen_core.evaluation.baselines import count_tokens

_BLOCK = 1 << 20  # tokens of a split held in memory


def losses_by_frequency(
    losses: np.ndarray, token_ids: np.ndarray, training_token_ids: np.ndarray, vocabulary_size: int
) -> list[dict[str, Any]]:
    """Return the loss of held-out tokens by how often each occurs in training: 0, 1-9, 10-99 ...

    losses and token_ids: `(tokens,)`, without `<START>`; that of training has it first.
    """
    counts = count_tokens(training_token_ids[1:], vocabulary_size)
    tokens = count_tokens(token_ids, vocabulary_size)
    nats = np.zeros((vocabulary_size,))
    for start in range(0, len(token_ids), _BLOCK):
        part = np.asarray(token_ids[start : start + _BLOCK], np.int64)
        nats += np.bincount(part, weights=losses[start : start + _BLOCK], minlength=vocabulary_size)
    bins = [(0, 0)]
    while bins[-1][1] < counts.max(initial=0):
        bins.append((bins[-1][1] + 1, 10 * (bins[-1][1] + 1) - 1))
    rows = []
    for low, high in bins:
        here = (counts >= low) & (counts <= high)
        scored = int(tokens[here].sum())
        if scored:
            loss = float(nats[here].sum() / scored)
            rows.append({"from": low, "to": high, "tokens": scored, "loss": loss})
    return rows


def losses_by_position(losses: np.ndarray) -> list[tuple[int, float, int]]:
    """Return first position, mean loss and tokens of bins of `losses`, `(texts, positions)`.

    The bins begin at 0, 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on.
    """
    rows, length = losses.shape
    if not rows:
        return []
    borders = [*_borders(length), length]
    return [
        (start, float(np.mean(losses[:, start:stop], dtype=np.float64)), rows * (stop - start))
        for start, stop in pairwise(borders)
    ]


def _borders(length: int) -> Iterator[int]:
    yield from range(min(3, length))
    border = 4
    while border * 3 // 4 < length:
        yield border * 3 // 4
        if border < length:
            yield border
        border *= 2
