"""Counts that are a table: what follows the last tokens, of which `order - 1` count."""

from __future__ import annotations

import functools

import attrs
import numpy as np

from textgen_core.data.reader import MixtureWeights
from textgen_core.data.tokenizer import END, START


@attrs.frozen(kw_only=True)
class FakeCounts:
    """Keeps the contract of `MixedCounts`; `after` says the same of a list of tokens.

    The id of a context is the number that its tokens are the digits of, and so says what they are.
    """

    order: int = 4
    vocabulary_size: int = 30
    weights: MixtureWeights = attrs.field(default=MixtureWeights(network=0.8, counts=0.3))

    def after(self, token_ids):
        """The log-probabilities, float32 `(vocabulary,)`, of what follows all tokens so far."""
        read = (END if token == START else int(token) for token in token_ids)
        return _row((*read,)[max(0, len(token_ids) - self.order + 1) :], self)

    def contexts(self, token_ids):
        rows, time = token_ids.shape
        found = np.empty((rows, time, self.order), np.int64)
        contexts = self.fresh(rows)
        for place in range(time):
            contexts = self.follow(contexts, token_ids[:, place])
            found[:, place] = contexts
        return found

    def fresh(self, rows):
        contexts = np.full((rows, self.order), -1, np.int64)
        contexts[:, 0] = 0
        return contexts

    def follow(self, contexts, token_ids):
        shorter = contexts[:, :-1]
        read = np.where(token_ids == START, END, token_ids)
        digits = shorter * (self.vocabulary_size + 1) + read[:, None] + 1
        return np.concatenate([contexts[:, :1], np.where(shorter < 0, -1, digits)], axis=1)

    def log_probabilities(self, contexts):
        flat = contexts.reshape(-1, self.order)
        rows = [_row(self._tokens(int(each[each >= 0][-1])), self) for each in flat]
        return np.stack(rows).reshape(*contexts.shape[:-1], self.vocabulary_size)

    def _tokens(self, context):
        tokens = []
        while context:
            context, digit = divmod(context, self.vocabulary_size + 1)
            tokens.append(digit - 1)
        return tuple(reversed(tokens))


@functools.cache
def _row(token_ids, counts):
    logits = np.random.default_rng([7, *token_ids]).normal(size=counts.vocabulary_size) * 3
    return (logits - np.log(np.exp(logits).sum())).astype(np.float32)
