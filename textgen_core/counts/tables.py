"""The probabilities of the n-grams of a trie, in one table or several, and distributions of them.

A table is a model: the held-out folds of a text share its trie, and differ in what they counted.
"""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from textgen_core.counts.dense import Dense, build_dense
from textgen_core.counts.trie import Trie

MOST_DENSE = 1 << 18  # numbers of distributions kept whole: 2 MB, made in two milliseconds
MOST_DENSE_HELD_OUT = 1 << 22  # the same where each batch of a training asks for distributions

# The least that is left to short contexts, so that no probability is too small for float32.
_LEAST = np.float32(1e-15)
_FEW = 8  # rows that are quicker one by one
_AT_ONCE = 1 << 20  # numbers that are computed together: they stay in a processor's cache


@attrs.frozen(kw_only=True, eq=False)
class Tables:
    """The probabilities of a trie's n-grams, by their length.

    discounted: float32 `(tables, n-grams)` each, the probability less what the discount takes;
    left: float32 `(tables, contexts)` each, what the discounts leave to the shorter context.
    most_dense: how many numbers the distributions that are kept whole may have; 8 bytes for each.
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
    def _dense(self) -> Dense:
        return build_dense(
            self.trie, self.discounted, self.left, self.vocabulary_size, self.most_dense
        )

    def _of_many(self, contexts: np.ndarray, tables: np.ndarray, found: np.ndarray) -> None:
        """Put distributions into float32 `(places, vocabulary)`.

        What continues only a context that has a whole distribution is copied and scaled; what
        continues longer ones is summed, from the longest on, and its logarithm taken.
        """
        rows, lengths = self._dense.find(contexts, tables)
        scale = np.ones(len(contexts), np.float32)
        longer = []
        for length in reversed(range(1, contexts.shape[1])):
            (places,) = np.nonzero((contexts[:, length] >= 0) & (lengths < length))
            ids, table = contexts[places, length], tables[places]
            longer.append((length, places, self._spread(length, places, ids, table, scale)))
            scale[places] *= self.left[length][table, ids]
        np.maximum(scale, _LEAST, out=scale)
        self._dense.logarithms.take(rows, axis=0, out=found, mode="clip")  # else it is buffered
        found += np.log(scale)[:, np.newaxis]
        sums, flat = np.zeros(found.size, np.float32), found.reshape(-1)
        for length, places, (at, values, widths) in longer:
            values += sums.take(at)
            is_last = lengths[places] == length - 1
            if not is_last.all():
                sums[at] = values
                kept = np.repeat(is_last, widths)
                at, values = at[kept], values[kept]
                places, widths = places[is_last], widths[is_last]
            shorter = at + np.repeat((rows[places] - places) * self.vocabulary_size, widths)
            scales = np.repeat(scale[places], widths)
            values += self._dense.probabilities.reshape(-1).take(shorter) * scales
            flat[at] = np.log(values, out=values)

    def _spread(
        self, length: int, places: np.ndarray, ids: np.ndarray, table: np.ndarray, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the n-grams that continue contexts `ids` add at `places`.

        That is where in the flat distributions, how much, float32, and how many n-grams there are
        at each place. table: of each place; scale: what is left to each of all places.
        """
        level, discounted = self.trie.levels[length], self.discounted[length]
        widths, ngrams = level.successors(ids)
        at = level.tokens.take(ngrams) + np.repeat(places * self.vocabulary_size, widths)
        ngrams += np.repeat(table * discounted.shape[1], widths)
        return at, discounted.reshape(-1).take(ngrams) * np.repeat(scale[places], widths), widths

    def _of_one(self, contexts: list[int], table: int, found: np.ndarray) -> None:
        """Put the distribution after one context into float32 `(vocabulary,)`."""
        dense = self._dense
        row, longest = dense.find_one(contexts, table)
        scale = np.float32(1)
        known = [length for length in range(longest + 1, len(contexts)) if contexts[length] >= 0]
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
        scale = max(scale, _LEAST)
        np.add(dense.logarithms[row], np.log(scale), out=found)
        if known:
            values += dense.probabilities[row][tokens] * scale
            found[tokens] = np.log(values)
