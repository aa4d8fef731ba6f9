"""An n-gram model with interpolated modified Kneser-Ney smoothing, the baseline to beat.

Chen and Goodman (1999), "An empirical study of smoothing techniques for language modeling": the
counts of the longest order as they are, those of the others by how many different tokens come
before; three discounts for each order, from the counts of counts; the unigrams mixed with a uniform
distribution, so that every token of the vocabulary has a probability. All is numpy, without a loop
over tokens.
"""

from __future__ import annotations

import attrs
import numpy as np

MOST_ORDER = 6
MOST_NGRAMS = 12_000_000  # different ones of all orders together: some 300 MB
MOST_COUNTED = 4_000_000  # tokens of the training text, evenly spread, where there are more

_SCORED_AT_ONCE = 1 << 18
_DISCOUNTS = np.array([0.0, 0.5, 1.0, 1.5])  # where the counts of counts give none, as in KenLM


@attrs.frozen(kw_only=True, eq=False)
class _Order:
    """The n-grams of one length. An n-gram is the id of its first n-1 tokens, and its last token.

    keys: int64 `(n-grams,)`, sorted: context id times the vocabulary's size plus token; the place
    of a key is the n-gram's id. discounted: float64 `(n-grams,)`, its probability less what the
    discount takes; left: float64 `(contexts,)`, what the discounts leave to the shorter context.
    """

    keys: np.ndarray
    discounted: np.ndarray
    left: np.ndarray


class KneserNey:
    """The model, counted once; `order` is the length of the longest n-grams."""

    def __init__(
        self, token_ids: np.ndarray, vocabulary_size: int, *, start: int | None = None
    ) -> None:
        """Count int `(tokens,)`, of which the first is a context alone, as `<START>` is.

        The order grows up to `MOST_ORDER`, as long as there are no more than `MOST_NGRAMS`.
        `start`: what the first token, of scored ones too, is read as: the end of a document is the
        start of the next.
        """
        self._vocabulary_size = vocabulary_size
        self._start = start
        self._orders = self._count(self._read(token_ids, 0, len(token_ids)))
        self.order = len(self._orders)

    def losses(self, token_ids: np.ndarray) -> np.ndarray:
        """Return the losses in nats, float64 `(tokens - 1,)`, of all tokens after the first."""
        parts = []
        reach = self.order - 1
        for start in range(1, len(token_ids), _SCORED_AT_ONCE):
            first = max(0, start - reach)
            part = self._read(token_ids, first, start + _SCORED_AT_ONCE)
            parts.append(-np.log(self._probabilities(part)[start - first :]))
        return np.concatenate(parts) if parts else np.zeros((0,))

    def _read(self, token_ids: np.ndarray, first: int, last: int) -> np.ndarray:
        tokens = np.array(token_ids[first:last], np.int64)
        if self._start is not None and not first:
            tokens[:1] = self._start
        return tokens

    def _probabilities(self, tokens: np.ndarray) -> np.ndarray:
        """Return the probability of each of int64 `(tokens,)` after those before it."""
        found = np.full(len(tokens), 1 / self._vocabulary_size)
        # The id of the n-1 tokens that end just before each place; -1: never seen.
        contexts = np.zeros(len(tokens), np.int64)
        for order in self._orders:
            keys = np.where(contexts >= 0, contexts * self._vocabulary_size + tokens, -1)
            places = np.minimum(np.searchsorted(order.keys, keys), len(order.keys) - 1)
            ids = np.where(order.keys[places] == keys, places, -1)
            known = contexts >= 0
            left = np.where(known, order.left[contexts], 1.0)
            found = left * found + np.where(ids >= 0, order.discounted[ids], 0.0)
            contexts = np.concatenate([[-1], ids[:-1]])
        return found

    def _count(self, tokens: np.ndarray) -> list[_Order]:
        orders: list[_Order] = []
        size, total = self._vocabulary_size, 0
        # All tokens but the first are unigrams; the first is known as a context of bigrams alone.
        keys, ids = np.unique(tokens, return_inverse=True)
        counts = np.bincount(ids[1:], minlength=len(keys))
        contexts = 1
        for length in range(1, MOST_ORDER + 1):
            total += len(keys)
            following = ids[:-1] * size + tokens[length:] if len(ids) > 1 else ids[:0]
            longer, longer_ids = np.unique(following, return_inverse=True)
            is_last = length == MOST_ORDER or not len(longer) or total + len(longer) > MOST_NGRAMS
            if not is_last:
                counts = _different_before(longer_ids, ids[1:], len(keys))
            orders.append(_smoothed(keys, counts, contexts, size))
            if is_last:
                break
            contexts = len(keys)
            keys, ids = longer, longer_ids
            counts = np.bincount(ids, minlength=len(keys))
        return orders


def _different_before(longer_ids: np.ndarray, ids: np.ndarray, ngrams: int) -> np.ndarray:
    """Return for each n-gram how many different tokens come before it.

    longer_ids and ids: of the n+1-gram and of the n-gram that end at the same place.
    """
    ending = np.zeros(int(longer_ids.max()) + 1, np.int64)
    ending[longer_ids] = ids
    return np.bincount(ending, minlength=ngrams)


def _smoothed(keys: np.ndarray, counts: np.ndarray, contexts: int, size: int) -> _Order:
    """Return an order with counts `(n-grams,)`, in so many contexts, discounted."""
    discounts = _discounts(counts)[np.minimum(counts, 3)]
    places = keys // size  # of the contexts
    totals = np.bincount(places, weights=counts, minlength=contexts)
    left = np.bincount(places, weights=discounts, minlength=contexts)
    some = np.maximum(totals, 1)
    return _Order(
        keys=keys,
        discounted=np.maximum(counts - discounts, 0) / some[places],
        left=np.where(totals > 0, left / some, 1.0),
    )


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Return what is taken from a count of 0, 1, 2, and 3 or more: float64 `(4,)`.

    Of every count something is taken: else nothing would be left for a token that is new there.
    """
    seen = np.bincount(np.minimum(counts, 5), minlength=6).astype(np.float64)
    one, two, three, four = seen[1:5]
    if not (one and two and three):
        return _DISCOUNTS
    share = one / (one + 2 * two)
    wanted = [0, 1 - 2 * share * two / one, 2 - 3 * share * three / two]
    wanted.append(3 - 4 * share * four / three)
    found = np.minimum(wanted, np.arange(4.0))
    return np.where(found > 0, found, _DISCOUNTS)
