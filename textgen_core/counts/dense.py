"""Whole distributions after those contexts that are asked for most: they are copied, not summed.

These are all contexts of the shortest lengths, and of the next those that most tokens follow.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from textgen_core.counts.trie import Trie

# Numbers of all distributions together, but for that of the empty context: 2 MB, made in two
# milliseconds.
MOST_DENSE = 1 << 18
_LEAST = np.float32(1e-20)  # a probability, so that no product is too small for float32


@attrs.frozen(kw_only=True, eq=False)
class Dense:
    """Distributions, float32 `(distributions, vocabulary)`, the first after the empty context.

    rows: for each length of contexts, from 0 on, the row of each context, int64 `(contexts,)`; -1:
    it has none.
    """

    probabilities: np.ndarray
    logarithms: np.ndarray
    rows: tuple[np.ndarray, ...]

    def find(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the longest contexts that have one.

        Args:
            contexts: int64 `(places, order)`, as of `Trie.contexts`.

        Returns:
            The rows, and the lengths of these contexts, int64 `(places,)` both.
        """
        found, lengths = np.zeros((2, len(contexts)), np.int64)
        for length in range(1, len(self.rows)):
            ids = contexts[:, length]
            here = self.rows[length].take(ids, mode="clip")
            is_there = (ids >= 0) & (here >= 0)
            found = np.where(is_there, here, found)
            lengths[is_there] = length
        return found, lengths

    def find_one(self, contexts: Sequence[int]) -> tuple[int, int]:
        """Return the same for one place."""
        for length in reversed(range(1, len(self.rows))):
            if contexts[length] >= 0 and (row := int(self.rows[length][contexts[length]])) >= 0:
                return row, length
        return 0, 0


def build_dense(trie: Trie, vocabulary_size: int) -> Dense:
    """Compute the distributions after the contexts of a trie that `MOST_DENSE` has room for."""
    blocks: list[np.ndarray] = []
    rows: list[np.ndarray] = []
    total = 0
    suffixes = np.zeros((1, 1), np.int64)  # of all contexts of a length, `(contexts, length + 1)`
    for length, level in enumerate(trie.levels):
        if length:
            room = max(0, MOST_DENSE // vocabulary_size - total)
            chosen = _widest(np.diff(level.starts), room)
            shorter = blocks[-1][suffixes[chosen, -2]]
        else:
            chosen = np.zeros(1, np.int64)
            shorter = np.full((1, vocabulary_size), 1 / vocabulary_size, np.float32)
        found = shorter * level.left[chosen, np.newaxis]
        widths, ngrams = level.successors(chosen)
        places = np.repeat(np.arange(len(chosen)), widths)
        found[places, level.tokens[ngrams]] += level.discounted[ngrams]
        blocks.append(found)
        rows.append(np.full(len(suffixes), -1, np.int64))
        rows[-1][chosen] = np.arange(total, total + len(chosen))
        total += len(chosen)
        if len(chosen) < len(suffixes):
            break
        suffixes = trie.longer(suffixes, level)
    probabilities = np.maximum(np.concatenate(blocks), _LEAST)
    return Dense(probabilities=probabilities, logarithms=np.log(probabilities), rows=tuple(rows))


def _widest(widths: np.ndarray, most: int) -> np.ndarray:
    """Return the contexts that most tokens follow, in rising order; at most so many."""
    if len(widths) <= most:
        return np.arange(len(widths))
    return np.sort(np.argsort(-widths, kind="stable")[:most])
