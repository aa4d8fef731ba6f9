"""The n-gram model that is mixed with a network: what follows each context, by its counts alone."""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from textgen_core.counts.dense import build_dense
from textgen_core.counts.distributions import Distributions
from textgen_core.counts.trie import Trie, read_tokens
from textgen_core.data.reader import MixtureWeights

_SCORED_AT_ONCE = 1 << 18


@attrs.frozen(kw_only=True, eq=False)
class Counts:
    """The n-grams of the training text, with their probabilities.

    What begins a document is read as `<END>`, be it `<START>` or `<END>`. weights: how much is
    trusted to the network, and how much to the counts, where both are mixed.
    """

    trie: Trie
    vocabulary_size: int
    weights: MixtureWeights = attrs.field(factory=MixtureWeights)

    @property
    def order(self) -> int:
        """How many tokens the longest n-grams have: one more than the longest contexts."""
        return self.trie.order

    @property
    def ngrams(self) -> int:
        """How many different n-grams of all lengths together were counted."""
        return sum(len(level.tokens) for level in self.trie.levels)

    @cached_property
    def _distributions(self) -> Distributions:
        dense = build_dense(self.trie, self.vocabulary_size)
        return Distributions(trie=self.trie, dense=dense)

    def contexts(self, token_ids: np.ndarray) -> np.ndarray:
        """Return the ids of the contexts that end with each token, nothing known before the row.

        Args:
            token_ids: integers `(rows, time)`.

        Returns:
            int64 `(rows, time, order)`: the contexts of 0, 1, ..., order - 1 tokens. -1: never
            seen, or longer than the row so far.
        """
        return self.trie.contexts(token_ids)

    def fresh(self, rows: int) -> np.ndarray:
        """Return the contexts before anything was read, int64 `(rows, order)`."""
        found = np.full((rows, self.order), -1, np.int64)
        found[:, 0] = 0
        return found

    def follow(self, contexts: np.ndarray, token_ids: np.ndarray) -> np.ndarray:
        """Return the contexts after one more token each: what `contexts` gives, step by step.

        Args:
            contexts: int64 `(rows, order)`, which are left as they are.
            token_ids: integers `(rows,)`.

        Returns:
            int64 `(rows, order)`.
        """
        return self.trie.follow(contexts, token_ids)

    def log_probabilities(self, contexts: np.ndarray) -> np.ndarray:
        """Return the logarithms of the probabilities of every token after each context.

        Of many rows each takes about a microsecond with a vocabulary of 70 tokens, 2 with 500, 25
        with 10,000; up to 50 MB are needed meanwhile, beside what is returned.

        Args:
            contexts: int64 `(..., order)`.

        Returns:
            float32 `(..., vocabulary)`, the same bits whatever the other rows are.
        """
        rows = contexts.reshape(-1, self.order)
        found = self._distributions.log_probabilities(rows)
        return found.reshape(*contexts.shape[:-1], self.vocabulary_size)

    def losses(self, token_ids: np.ndarray) -> np.ndarray:
        """Return the losses in nats, float64 `(tokens - 1,)`, of all tokens after the first."""
        parts = []
        reach = max(1, self.order - 1)
        for start in range(1, len(token_ids), _SCORED_AT_ONCE):
            first = max(0, start - reach)
            part = read_tokens(token_ids[first : start + _SCORED_AT_ONCE])
            parts.append(-np.log(self._probabilities(part)[start - first - 1 :]))
        return np.concatenate(parts) if parts else np.zeros((0,))

    def _probabilities(self, tokens: np.ndarray) -> np.ndarray:
        """Return the probability of each token after the first, float64 `(tokens - 1,)`."""
        found = np.full(len(tokens) - 1, 1 / self.vocabulary_size)
        contexts = self.trie.contexts(tokens[np.newaxis, :-1])[0]
        for length, level in enumerate(self.trie.levels):
            context = contexts[:, length]
            ids = level.find(context, tokens[1:])
            found *= np.where(context >= 0, level.left[context], 1.0)
            found += np.where(ids >= 0, level.discounted.take(ids, mode="clip"), 0.0)
        return found
