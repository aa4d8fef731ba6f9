"""The probabilities of the n-grams of a trie, in one table or several, and distributions of them.

A table is a model: the held-out folds of a text share its trie, and differ in what they counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import attrs
import numpy as np

from textgen_core.counts.trie import Trie

MOST_DENSE = 1 << 18  # numbers of distributions kept whole: 1 MB, made in milliseconds
MOST_DENSE_HELD_OUT = 1 << 22  # the same where every batch of a training needs them

_FEW = 8  # rows that are quicker one by one
_AT_ONCE = 1 << 20  # numbers that are computed together: they stay in a processor's cache


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
        found = np.empty((len(contexts), self.vocabulary_size), np.float32)
        if len(contexts) <= _FEW:
            for row, table in enumerate(tables.tolist()):
                self._of_one(contexts[row].tolist(), table, found[row])
            return found
        at_once = max(1, _AT_ONCE // self.vocabulary_size)
        for first in range(0, len(contexts), at_once):
            here = slice(first, first + at_once)
            self._of_many(contexts[here], tables[here], found[here])
        return found

    @cached_property
    def _dense(self) -> _Dense:
        """The distributions after the shortest contexts."""
        lengths: list[np.ndarray] = []
        shorter = np.array(1 / self.vocabulary_size, np.float32)
        contexts = np.zeros((1, 1), np.int64)  # all of a length, `(contexts, length + 1)`
        for level, discounted, left in zip(
            self.trie.levels, self.discounted, self.left, strict=True
        ):
            if lengths and left.size * self.vocabulary_size > self.most_dense:
                break
            if lengths:
                shorter = lengths[-1][:, contexts[:, -2]]
            found = np.empty((*left.shape, self.vocabulary_size), np.float32)
            np.multiply(shorter, left[..., np.newaxis], out=found)
            parents = np.repeat(np.arange(len(contexts)), np.diff(level.starts))
            found[:, parents, level.tokens] += discounted
            lengths.append(found)
            contexts = self.trie.longer(contexts, level)
        return _Dense.of(lengths)

    def _of_many(self, contexts: np.ndarray, tables: np.ndarray, found: np.ndarray) -> None:
        """Put distributions into float32 `(places, vocabulary)`.

        What continues only short contexts is copied and scaled, the others are summed.
        """
        dense, size = self._dense, self.vocabulary_size
        scale = np.ones(len(contexts), np.float32)
        sums = np.zeros(len(contexts) * size, np.float32)
        for length in reversed(range(dense.lengths, contexts.shape[1])):
            (places,) = np.nonzero(contexts[:, length] >= 0)
            ids, table = contexts[places, length], tables[places]
            widths, ngrams = self.trie.levels[length].successors(ids)
            at = self.trie.levels[length].tokens.take(ngrams)
            at = at + np.repeat(places * size, widths)
            ngrams += np.repeat(table * self.discounted[length].shape[1], widths)
            values = self.discounted[length].reshape(-1).take(ngrams)
            values *= np.repeat(scale[places], widths)
            values += sums.take(at)
            if length > dense.lengths:
                sums[at] = values
            scale[places] *= self.left[length][table, ids]
        rows = dense.find(contexts, tables)
        dense.logarithms.take(rows, axis=0, out=found, mode="clip")  # else it would be buffered
        found += np.log(scale)[:, np.newaxis]
        if dense.lengths < contexts.shape[1]:  # a longer n-gram ends with one of the last `at`
            base = dense.probabilities.reshape(-1)
            base = base.take(at + np.repeat((rows[places] - places) * size, widths))
            base *= np.repeat(scale[places], widths)
            values += base
            found.reshape(-1)[at] = np.log(values, out=values)

    def _of_one(self, contexts: list[int], table: int, found: np.ndarray) -> None:
        """Put the distribution after one context into float32 `(vocabulary,)`."""
        dense = self._dense
        scale = np.float32(1)
        known = [length for length in range(dense.lengths, len(contexts)) if contexts[length] >= 0]
        if len(known) > 1:
            found[:] = 0
        for length in reversed(known):
            level, context = self.trie.levels[length], contexts[length]
            first, last = level.range_of(context)
            tokens = level.tokens[first:last]
            values = self.discounted[length][table, first:last] * scale
            if length < known[-1]:
                values += found[tokens]
            if length > known[0]:
                found[tokens] = values
            scale = scale * self.left[length][table, context]
        row = dense.find_one(contexts, table)
        np.add(dense.logarithms[row], np.log(scale), out=found)
        if known:
            values += dense.probabilities[row][tokens] * scale
            found[tokens] = np.log(values)


@attrs.frozen(kw_only=True, eq=False)
class _Dense:
    """The distributions after all contexts of the shortest lengths, float32 `(rows, vocabulary)`.

    offsets: the row of the first context of each length; sizes: how many contexts it has, the rows
    of each table.
    """

    probabilities: np.ndarray
    logarithms: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, found: Sequence[np.ndarray]) -> _Dense:
        """Return the distributions `(tables, contexts, vocabulary)` of the lengths from 0 on."""
        flat = [each.reshape(-1, each.shape[-1]) for each in found]
        probabilities = np.concatenate(flat)
        return cls(
            probabilities=probabilities,
            logarithms=np.log(probabilities),
            offsets=np.cumsum([0, *map(len, flat[:-1])]),
            sizes=np.array([each.shape[1] for each in found]),
        )

    @property
    def lengths(self) -> int:
        """How many lengths there are: the longest contexts have a token less."""
        return len(self.sizes)

    def find(self, contexts: np.ndarray, tables: np.ndarray) -> np.ndarray:
        """Return the rows of the longest known contexts, int64 `(places,)`."""
        short = contexts[:, : self.lengths]
        longest = (short >= 0).sum(axis=1) - 1
        ids = np.take_along_axis(short, longest[:, np.newaxis], axis=1)[:, 0]
        found: np.ndarray = self.offsets[longest] + tables * self.sizes[longest] + ids
        return found

    def find_one(self, contexts: list[int], table: int) -> int:
        """Return the row of the longest known context of one place."""
        longest = max(length for length in range(self.lengths) if contexts[length] >= 0)
        return int(self.offsets[longest] + table * self.sizes[longest]) + contexts[longest]
