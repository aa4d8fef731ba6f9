"""The n-grams of a text as a trie: which there are, and how one is found.

Of each length they are sorted by their first tokens, as a context, and then by their last: so those
that follow one context are a range, and the place of an n-gram is its id. It is the id of a context
too, that of the n-grams that are a token longer.
"""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from textgen_core.data.tokenizer import END, START


def read_tokens(token_ids: np.ndarray) -> np.ndarray:
    """Return int64 token ids as they are counted: the end of a document is the start of the next.

    A token file has `<END>` alone between two documents, and a model reads `<START>` there.
    """
    tokens = np.asarray(token_ids).astype(np.int64)
    tokens[tokens == START] = END
    return tokens


@attrs.frozen(kw_only=True, eq=False)
class Level:
    """The n-grams of one length, with their probabilities.

    tokens: uint16 or uint32 `(n-grams,)`, their last tokens; starts: int32 `(contexts + 1,)`, where
    those of each context begin. discounted: float32 `(n-grams,)`, the probability less what the
    discount takes; left: float32 `(contexts,)`, what the discounts leave to the shorter context.
    """

    tokens: np.ndarray
    starts: np.ndarray
    discounted: np.ndarray
    left: np.ndarray

    @cached_property
    def _steps(self) -> list[int]:
        """The steps of a search in the widest range: powers of two, the largest first."""
        widest = int(np.diff(self.starts).max(initial=0))
        return [1 << bit for bit in reversed(range(widest.bit_length()))]

    def find(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Return the ids of contexts with a token more, integers of one shape; -1: never seen."""
        known = np.maximum(contexts, 0)
        places = self.starts[known].astype(np.int64) - 1  # of the last token that is smaller
        ends = self.starts[known + 1].astype(np.int64)
        for step in self._steps:
            further = places + step
            is_inside = further < ends
            is_smaller = self.tokens.take(further, mode="clip") < tokens
            places += step * (is_inside & is_smaller)
        places += 1
        is_found = (places < ends) & (self.tokens.take(places, mode="clip") == tokens)
        return np.where(is_found & (contexts >= 0), places, -1)

    def successors(self, contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the n-grams that continue each of int64 `(contexts,)`, one after the other.

        Returns:
            How many each context has, int64 `(contexts,)`, and their ids, int64 `(n-grams,)`.
        """
        starts = self.starts[contexts].astype(np.int64)
        widths = self.starts[contexts + 1] - starts
        ends = np.cumsum(widths)
        total = int(ends[-1]) if len(ends) else 0
        return widths, np.arange(total) + np.repeat(starts - ends + widths, widths)

    def range_of(self, context: int) -> tuple[int, int]:
        """Return the id of the first n-gram that continues a context, and that after the last."""
        first, last = self.starts[context : context + 2].tolist()
        return first, last

    def find_one(self, context: int, token: int) -> int:
        """Return the id of one context with a token more; -1: never seen."""
        first, last = self.range_of(context)
        place = first + int(self.tokens[first:last].searchsorted(self.tokens.dtype.type(token)))
        return place if place < last and self.tokens[place] == token else -1


@attrs.frozen(kw_only=True, eq=False)
class Trie:
    """The n-grams of a text, of the lengths 1, 2 and so on up to `order`."""

    levels: tuple[Level, ...]

    @property
    def order(self) -> int:
        """How many tokens the longest n-grams have."""
        return len(self.levels)

    def contexts(self, token_ids: np.ndarray) -> np.ndarray:
        """Return the ids of the contexts that end with each token, nothing known before the row.

        Args:
            token_ids: integers `(rows, time)`.

        Returns:
            int64 `(rows, time, order)`: the contexts of 0, 1, ..., order - 1 tokens. -1: never
            seen, or longer than the row so far.
        """
        tokens = read_tokens(token_ids)
        found = np.full((*tokens.shape, self.order), -1, np.int64)
        found[..., 0] = 0
        before = np.zeros_like(tokens)  # the contexts that each token follows
        for length in range(1, self.order):
            ids = self.levels[length - 1].find(before, tokens[:, length - 1 :])
            found[:, length - 1 :, length] = ids
            before = ids[:, :-1]
        return found

    def follow(self, contexts: np.ndarray, token_ids: np.ndarray) -> np.ndarray:
        """Return the contexts `(rows, order)` after one more token each, int `(rows,)`."""
        found = np.full(contexts.shape, -1, np.int64)
        found[:, 0] = 0
        for row, token in enumerate(read_tokens(token_ids).tolist()):
            for length, context in enumerate(contexts[row, :-1].tolist()):
                if context < 0:  # no longer one was seen either
                    break
                found[row, length + 1] = self.levels[length].find_one(context, token)
        return found

    def longer(self, contexts: np.ndarray, level: Level) -> np.ndarray:
        """Return the contexts of the n-grams of a level, `(n-grams, length + 1)`.

        contexts: those that they continue, all of their length, `(contexts, length)`.
        """
        before = np.repeat(contexts, np.diff(level.starts), axis=0)
        shorter = [
            each.find(before[:, length], level.tokens)
            for length, each in enumerate(self.levels[: contexts.shape[1]])
        ]
        return np.stack([np.zeros(len(before), np.int64), *shorter], axis=1)
