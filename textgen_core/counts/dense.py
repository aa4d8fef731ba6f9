"""Whole distributions after those contexts that are asked for most: they are copied, not summed.

These are all contexts of the shortest lengths, and of the next those that most tokens follow.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from textgen_core.counts.trie import Trie

_LEAST = np.float32(1e-20)  # a probability, so that no product is too small for float32


@attrs.frozen(kw_only=True, eq=False)
class Dense:
    """Distributions, float32 `(rows, vocabulary)`, and where that of a context is.

    slots: for each length of contexts, from 0 on, the number of each context's row among those of
    the length and of one table, int64 `(contexts,)`; -1: it has none.
    offsets: the first row of each length; sizes: how many a table has there.
    """

    probabilities: np.ndarray
    logarithms: np.ndarray
    slots: tuple[np.ndarray, ...]
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]

    def find(self, contexts: np.ndarray, tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the longest contexts that have one.

        Args:
            contexts: int64 `(places, order)`, as of `Trie.contexts`.
            tables: integers `(places,)`.

        Returns:
            The rows, and the lengths of these contexts, int64 `(places,)` both.
        """
        rows, lengths = tables.astype(np.int64), np.zeros(len(contexts), np.int64)
        for length in range(1, len(self.slots)):
            ids = contexts[:, length]
            slots = self.slots[length].take(ids, mode="clip")
            is_there = (ids >= 0) & (slots >= 0)
            here = self.offsets[length] + tables * self.sizes[length] + slots
            rows = np.where(is_there, here, rows)
            lengths[is_there] = length
        return rows, lengths

    def find_one(self, contexts: Sequence[int], table: int) -> tuple[int, int]:
        """Return the same for one place."""
        for length in reversed(range(1, len(self.slots))):
            if contexts[length] >= 0 and (slot := int(self.slots[length][contexts[length]])) >= 0:
                return self.offsets[length] + table * self.sizes[length] + slot, length
        return table, 0


def build_dense(
    trie: Trie,
    discounted: Sequence[np.ndarray],
    left: Sequence[np.ndarray],
    vocabulary_size: int,
    most: int,
) -> Dense:
    """Compute distributions of at most so many numbers, but for that of the empty context.

    Args:
        trie: the n-grams.
        discounted: float32 `(tables, n-grams)` of each length.
        left: float32 `(tables, contexts)` of each length.
        vocabulary_size: the length of a distribution.
        most: how many numbers all may have together.
    """
    tables = len(left[0])
    blocks: list[np.ndarray] = []
    slots: list[np.ndarray] = []
    suffixes = np.zeros((1, 1), np.int64)  # of all contexts of a length, `(contexts, length + 1)`
    for length, level in enumerate(trie.levels):
        chosen = np.arange(len(suffixes))
        if length:
            room = most - sum(block.size for block in blocks)
            chosen = _widest(np.diff(level.starts), room // (tables * vocabulary_size))
        shorter = blocks[-1][:, suffixes[chosen, -2]] if length else 1 / vocabulary_size
        found = np.empty((tables, len(chosen), vocabulary_size), np.float32)
        np.multiply(shorter, left[length][:, chosen, np.newaxis], out=found)
        widths, ngrams = level.successors(chosen)
        parents = np.repeat(np.arange(len(chosen)), widths)
        found[:, parents, level.tokens[ngrams]] += discounted[length][:, ngrams]
        blocks.append(found)
        slots.append(np.full(len(suffixes), -1, np.int64))
        slots[-1][chosen] = np.arange(len(chosen))
        if len(chosen) < len(suffixes):
            break
        suffixes = trie.longer(suffixes, level)
    flat = [block.reshape(-1, vocabulary_size) for block in blocks]
    probabilities = np.maximum(np.concatenate(flat), _LEAST)
    return Dense(
        probabilities=probabilities,
        logarithms=np.log(probabilities),
        slots=tuple(slots),
        offsets=tuple(np.cumsum([0, *map(len, flat[:-1])]).tolist()),
        sizes=tuple(block.shape[1] for block in blocks),
    )


def _widest(widths: np.ndarray, most: int) -> np.ndarray:
    """Return the contexts that most tokens follow, in rising order; at most so many."""
    if len(widths) <= most:
        return np.arange(len(widths))
    return np.sort(np.argsort(-widths, kind="stable")[:most])
