"""The probabilities of the n-grams of a trie, in one table or several, and distributions of them.

A table is a model: the held-out folds of a text share its trie, and differ in what they counted.
"""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from textgen_core.counts.trie import Trie

MOST_DENSE = 1 << 18  # numbers of distributions kept whole: 1 MB, made in milliseconds
MOST_DENSE_HELD_OUT = 1 << 22  # the same where every batch of a training needs them

_FEW = 8  # rows that are quicker one by one


@attrs.frozen(kw_only=True, eq=False)
class Tables:
    """The probabilities of a trie's n-grams, by their length.

    discounted: float32 `(tables, n-grams)` each, the probability less what the discount takes;
    left: float32 `(tables, contexts)` each, what the discounts leave to the shorter context.
    most_dense: how many numbers the distributions after short contexts may take.
    """

    trie: Trie
    vocabulary_size: int
    discounted: tuple[np.ndarray, ...]
    left: tuple[np.ndarray, ...]
    most_dense: int

    def log_probabilities(self, contexts: np.ndarray, tables: np.ndarray) -> np.ndarray:
        """Return the distribution of the token after each context, by one table each.

        Args:
            contexts: int64 `(places, order)`, as of `Trie.contexts`.
            tables: integers `(places,)`.

        Returns:
            float32 `(places, vocabulary)`, the same bits whatever the other places are.
        """
        if len(contexts) > _FEW:
            found = self._mix(contexts, tables, self._dense)
        else:
            found = np.empty((len(contexts), self.vocabulary_size), np.float32)
            for row, table in enumerate(tables.tolist()):
                self._mix_one(contexts[row].tolist(), table, found[row])
        np.log(found, out=found)
        return found

    @cached_property
    def _dense(self) -> _Dense:
        """The distributions after the shortest contexts."""
        tables = self.left[0].shape[0]
        dense = _Dense(
            rows=np.full((1, self.vocabulary_size), 1 / self.vocabulary_size, np.float32),
            offsets=np.zeros(0, np.int64),
            sizes=np.zeros(0, np.int64),
        )
        suffixes = np.zeros((1, 1), np.int64)  # the contexts of a length, `(contexts, length + 1)`
        for level in self.trie.levels:
            size = len(suffixes)
            if len(dense.sizes) and tables * size * self.vocabulary_size > self.most_dense:
                break
            places = np.tile(suffixes, (tables, 1)), np.repeat(np.arange(tables), size)
            dense = dense.extended(self._mix(*places, dense), size)
            suffixes = self.trie.longer(suffixes, level)
        return dense

    def _mix(self, contexts: np.ndarray, tables: np.ndarray, dense: _Dense) -> np.ndarray:
        """Return distributions `(places, vocabulary)`; the shortest are those of `dense`."""
        scale = np.ones(len(contexts), np.float32)
        added = []
        for length in reversed(range(len(dense.sizes), contexts.shape[1])):
            (places,) = np.nonzero(contexts[:, length] >= 0)
            ids, table = contexts[places, length], tables[places]
            added.append(self._spread(length, places, ids, table, scale[places]))
            scale[places] *= self.left[length][table, ids]
        found = dense.rows.take(dense.find(contexts, tables), axis=0)
        found *= scale[:, np.newaxis]
        flat = found.reshape(-1)
        for at, values in reversed(added):
            flat[at] += values
        return found

    def _spread(
        self, length: int, places: np.ndarray, ids: np.ndarray, table: np.ndarray, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what the n-grams of contexts add, and where in the flat distributions."""
        level, discounted = self.trie.levels[length], self.discounted[length]
        starts = level.starts[ids].astype(np.int64)
        widths = level.starts[ids + 1] - starts
        first = np.cumsum(widths) - widths
        ngrams = np.arange(widths.sum()) + np.repeat(starts - first, widths)
        at = np.repeat(places * self.vocabulary_size, widths) + level.tokens.take(ngrams)
        ngrams += np.repeat(table * discounted.shape[1], widths)
        return at, discounted.reshape(-1).take(ngrams) * np.repeat(scale, widths)

    def _mix_one(self, contexts: list[int], table: int, found: np.ndarray) -> None:
        """Put the distribution after one context into float32 `(vocabulary,)`."""
        dense = self._dense
        scale = np.float32(1)
        added = []
        for length in reversed(range(len(dense.sizes), len(contexts))):
            if (context := contexts[length]) >= 0:
                added.append((length, context, scale))
                scale = scale * self.left[length][table, context]
        np.multiply(dense.rows[dense.find_one(contexts, table)], scale, out=found)
        for length, context, scale in reversed(added):
            level = self.trie.levels[length]
            first, last = level.starts[context : context + 2].tolist()
            found[level.tokens[first:last]] += self.discounted[length][table, first:last] * scale


@attrs.frozen(kw_only=True, eq=False)
class _Dense:
    """The distributions after all contexts of the shortest lengths, in float32 `rows`.

    offsets: the row of the first context of each length; sizes: how many contexts it has, the rows
    of each table.
    """

    rows: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray

    def extended(self, rows: np.ndarray, size: int) -> _Dense:
        """Return these with the distributions of the next length."""
        known = self.rows if len(self.sizes) else self.rows[:0]
        return _Dense(
            rows=np.concatenate([known, rows]),
            offsets=np.append(self.offsets, len(known)),
            sizes=np.append(self.sizes, size),
        )

    def find(self, contexts: np.ndarray, tables: np.ndarray) -> np.ndarray:
        """Return the rows of the longest known contexts, int64 `(places,)`."""
        if not len(self.sizes):
            return np.zeros(len(contexts), np.int64)
        short = contexts[:, : len(self.sizes)]
        longest = (short >= 0).sum(axis=1) - 1
        ids = np.take_along_axis(short, longest[:, np.newaxis], axis=1)[:, 0]
        found: np.ndarray = self.offsets[longest] + tables * self.sizes[longest] + ids
        return found

    def find_one(self, contexts: list[int], table: int) -> int:
        """Return the row of the longest known context of one place."""
        longest = max(length for length in range(len(self.sizes)) if contexts[length] >= 0)
        return int(self.offsets[longest] + table * self.sizes[longest]) + contexts[longest]
