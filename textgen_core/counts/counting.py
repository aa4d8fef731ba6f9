"""Counts the n-grams of the training tokens, and what is left of them without each fold.

Chen and Goodman (1999): the counts of the longest n-grams as they are, those of the others by how
many different tokens come before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from functools import cached_property

import attrs
import numpy as np

from textgen_core.counts.counts import Counts
from textgen_core.counts.folds import HeldOutCounts
from textgen_core.counts.smoothing import smooth
from textgen_core.counts.spans import Spans, choose_spans
from textgen_core.counts.tables import MOST_DENSE, MOST_DENSE_HELD_OUT, Tables
from textgen_core.counts.trie import Level, Trie, read_tokens
from textgen_core.data.tokenizer import START

FOLDS = 8
MOST_NGRAMS = 12_000_000  # different ones of all lengths together: 170 MB
MOST_HELD_OUT = 6_000_000  # the same where each of eight folds has a table: 420 MB
MOST_COUNTED = 4_000_000  # tokens of the training text, evenly spread, where there are more


@attrs.frozen(kw_only=True, eq=False)
class Counted:
    """A text whose n-grams were counted; `folds` are the parts that can be left out of the counts.

    ids: of the n-grams of 1, 2, ... tokens, int32 `(spans, length)`, `(spans, length - 1)`, ...:
    the id of that which ends at each place, where it does not begin before its span.
    """

    vocabulary_size: int
    folds: int
    trie: Trie
    _spans: Spans
    _ids: tuple[np.ndarray, ...]

    @cached_property
    def counts(self) -> Counts:
        """The model of the whole text."""
        return Counts(tables=self._tables([self._occurrences], 1, MOST_DENSE))

    @cached_property
    def held_out(self) -> HeldOutCounts:
        """The models of all folds but one each; what was not counted has the whole text's."""
        occurrences = itertools.chain(map(self._without, range(self.folds)), [self._occurrences])
        tables = self._tables(occurrences, self.folds + 1, MOST_DENSE_HELD_OUT)
        return HeldOutCounts(tables=tables, folds=self.folds, spans=self._spans)

    def _tables(self, occurrences: Iterable[list[np.ndarray]], tables: int, dense: int) -> Tables:
        """Return a table for each of so many lists of how often n-grams occur."""
        starts = [level.starts for level in self.trie.levels]
        discounted = [np.empty((tables, each[-1]), np.float32) for each in starts]
        left = [np.empty((tables, len(each) - 1), np.float32) for each in starts]
        for table, of_lengths in enumerate(occurrences):
            for length, counts in enumerate(self._counts(of_lengths)):
                smooth(counts, starts[length], discounted[length][table], left[length][table])
        return Tables(
            trie=self.trie,
            vocabulary_size=self.vocabulary_size,
            discounted=tuple(discounted),
            left=tuple(left),
            most_dense=dense,
        )

    @cached_property
    def _occurrences(self) -> list[np.ndarray]:
        """How often each n-gram occurs, by length; the first token of a span is a context alone."""
        return [
            np.bincount(ids[:, int(not length) :].reshape(-1), minlength=len(level.tokens))
            for length, (ids, level) in enumerate(zip(self._ids, self.trie.levels, strict=True))
        ]

    @cached_property
    def _endings(self) -> list[np.ndarray]:
        """For each n-gram of two tokens and more the id of its n-gram without the first."""
        found = []
        for shorter, ids, level in zip(
            self._ids, self._ids[1:], self.trie.levels[1:], strict=False
        ):
            ending = np.zeros(len(level.tokens), np.int32)
            ending[ids] = shorter[:, 1:]
            found.append(ending)
        return found

    def _without(self, fold: int) -> list[np.ndarray]:
        """Return how often each n-gram occurs that ends outside of a fold, by length."""
        found = []
        for length, (ids, occurrences) in enumerate(zip(self._ids, self._occurrences, strict=True)):
            counted = ids[:, int(not length) :].reshape(-1)
            first, last = (
                self._spans.places_before(edge, max(1, length))
                for edge in self._spans.fold(fold, self.folds)
            )
            gone = np.bincount(counted[first:last], minlength=len(occurrences))
            found.append(occurrences - gone)
        return found

    def _counts(self, occurrences: list[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the counts of n-grams, by length: how often they occur is that of the longest."""
        for ending, longer, here in zip(self._endings, occurrences[1:], occurrences, strict=False):
            yield np.bincount(ending[longer > 0], minlength=len(here))
        yield occurrences[-1]


def count(
    token_ids: np.ndarray, vocabulary_size: int, order: int, *, folds: int = FOLDS
) -> Counted:
    """Count the n-grams of up to `order` tokens.

    Of a long text `MOST_COUNTED` tokens are counted, in spans from all over it. The order is
    smaller where there would be more than `MOST_NGRAMS` n-grams, or `MOST_HELD_OUT` if folds are
    held out: `.trie.order` says how long they are. So no text takes more than some five seconds
    and 700 MB; a million characters take half a second and 100 MB, of which 30 MB stay.

    Args:
        token_ids: integers `(tokens,)`, which may be memory-mapped. The first is a context alone,
            as `<START>` is.
        vocabulary_size: more than any token id.
        order: at least 1.
        folds: how many parts of the text can be left out, 0 for none.
    """
    if not len(token_ids):  # even a text without documents begins
        token_ids = np.array([START])
    spans = choose_spans(len(token_ids), MOST_COUNTED)
    tokens = read_tokens(spans.read(token_ids))
    most = MOST_HELD_OUT if folds else MOST_NGRAMS
    levels: list[Level] = []
    all_ids: list[np.ndarray] = []
    before, contexts, total = np.zeros(tokens.shape, np.int64), 1, 0
    while len(levels) < order and tokens.size:
        keys, ids = _ranked(before * vocabulary_size + tokens)
        total += len(keys)
        if levels and total > most:
            break
        levels.append(_level_of(keys, contexts, vocabulary_size))
        all_ids.append(ids)
        before, contexts = ids[:, :-1].astype(np.int64), len(keys)
        tokens = tokens[:, 1:]
    return Counted(
        vocabulary_size=vocabulary_size,
        folds=folds,
        trie=Trie(levels=tuple(levels)),
        spans=spans,
        ids=tuple(all_ids),
    )


def _level_of(keys: np.ndarray, contexts: int, vocabulary_size: int) -> Level:
    dtype = np.uint16 if vocabulary_size <= 1 << 16 else np.uint32
    parents, tokens = np.divmod(keys, vocabulary_size)
    starts = np.zeros(contexts + 1, np.int32)
    np.cumsum(np.bincount(parents, minlength=contexts), out=starts[1:])
    return Level(tokens=tokens.astype(dtype), starts=starts)


def _ranked(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different keys in rising order, and the place of each key among them, as int32.

    As numpy.unique does; but where a key and its place fit into one integer these are sorted, which
    takes a fraction of the time.
    """
    flat = keys.reshape(-1)
    bits = (len(flat) - 1).bit_length()
    if int(flat.max()).bit_length() + bits < 63:
        packed = flat << bits
        packed |= np.arange(len(flat))
        packed.sort()
        places, ordered = packed & ((1 << bits) - 1), packed >> bits
    else:
        places = flat.argsort(kind="stable")
        ordered = flat[places]
    is_first = np.ones(len(flat), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    ranks = np.empty(len(flat), np.int32)
    ranks[places] = np.cumsum(is_first) - 1
    return ordered[is_first], ranks.reshape(keys.shape)
