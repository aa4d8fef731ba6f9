"""The distributions after contexts of a trie: many at once, or one, quickly."""

from __future__ import annotations

import attrs
import numpy as np

from textgen_core.counts.dense import Dense
from textgen_core.counts.trie import Trie

# The least that is left to short contexts, so that no probability is too small for float32.
_LEAST = np.float32(1e-15)
_FEW = 8  # rows that are quicker one by one
_AT_ONCE = 1 << 20  # numbers that are computed together: they stay in a processor's cache


@attrs.frozen(kw_only=True, eq=False)
class Distributions:
    """The distributions of the n-grams of a trie, of which some are kept whole."""

    trie: Trie
    dense: Dense

    def log_probabilities(self, contexts: np.ndarray) -> np.ndarray:
        """Return the logarithms of the probabilities of every token after each context.

        Args:
            contexts: int64 `(places, order)`, as of `Trie.contexts`.

        Returns:
            float32 `(places, vocabulary)`, the same bits whatever the other places are.
        """
        vocabulary_size = self.dense.probabilities.shape[1]
        found = np.empty((len(contexts), vocabulary_size), np.float32)
        if len(contexts) <= _FEW:
            for row, context in enumerate(contexts.tolist()):
                self._of_one(context, found[row])
            return found
        at_once = max(1, _AT_ONCE // vocabulary_size)
        for first in range(0, len(contexts), at_once):
            here = slice(first, first + at_once)
            self._of_many(contexts[here], found[here])
        return found

    def _of_many(self, contexts: np.ndarray, found: np.ndarray) -> None:
        """Put distributions into float32 `(places, vocabulary)`.

        What continues only a context that has a whole distribution is copied and scaled; what
        continues longer ones is summed, from the longest on, and its logarithm taken.
        """
        vocabulary_size = found.shape[1]
        rows, lengths = self.dense.find(contexts)
        scale = np.ones(len(contexts), np.float32)
        longer = []
        for length in reversed(range(1, contexts.shape[1])):
            (places,) = np.nonzero((contexts[:, length] >= 0) & (lengths < length))
            ids = contexts[places, length]
            longer.append((length, places, self._spread(length, places, ids, scale[places])))
            scale[places] *= self.trie.levels[length].left[ids]
        np.maximum(scale, _LEAST, out=scale)
        self.dense.logarithms.take(rows, axis=0, out=found, mode="clip")  # else it is buffered
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
            shorter = at + np.repeat((rows[places] - places) * vocabulary_size, widths)
            scales = np.repeat(scale[places], widths)
            values += self.dense.probabilities.reshape(-1).take(shorter) * scales
            flat[at] = np.log(values, out=values)

    def _spread(
        self, length: int, places: np.ndarray, ids: np.ndarray, scales: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the n-grams that continue contexts `ids` add at `places`.

        That is where in the flat distributions, how much, float32, and how many n-grams there are
        at each place. scales: what longer contexts leave to each.
        """
        level, vocabulary_size = self.trie.levels[length], self.dense.probabilities.shape[1]
        widths, ngrams = level.successors(ids)
        at = level.tokens.take(ngrams) + np.repeat(places * vocabulary_size, widths)
        return at, level.discounted.take(ngrams) * np.repeat(scales, widths), widths

    def _of_one(self, contexts: list[int], found: np.ndarray) -> None:
        """Put the distribution after one context into float32 `(vocabulary,)`."""
        row, longest = self.dense.find_one(contexts)
        scale = np.float32(1)
        known = [length for length in range(longest + 1, len(contexts)) if contexts[length] >= 0]
        if len(known) > 1:
            found[:] = 0
        for length in reversed(known):
            level, context = self.trie.levels[length], contexts[length]
            first, last = level.range_of(context)
            tokens = level.tokens[first:last]
            values = level.discounted[first:last] * scale
            if length < known[-1]:
                values += found[tokens]
            if length > known[0]:
                found[tokens] = values
            scale = scale * level.left[context]
        scale = max(scale, _LEAST)
        np.add(self.dense.logarithms[row], np.log(scale), out=found)
        if known:
            values += self.dense.probabilities[row][tokens] * scale
            found[tokens] = np.log(values)
