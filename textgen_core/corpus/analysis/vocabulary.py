"""Words by number, and how often each occurs, however many different ones there are.

The first few hundred thousand different words get ids, in the order of first occurrence; words
beyond them are known by a number of 64 bits. Counts are exact up to about four million different
words; of more, as random data has, the rare ones are estimated from a sample.

Words mark a text by the log-likelihood ratio of their frequencies in it and in a plain reference
(Dunning 1993, as Rayson and Garside 2000 use it to compare corpora).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

import attrs
import numpy as np

from textgen_core.corpus.analysis.hashing import HashedCounts, hash_texts

NAMED = 400_000  # different words that get an id; the block that reaches it is still named
NUMBERED = 4_000_000  # words beyond them that are counted each
LATE = 200_000  # words beyond them whose names are kept at a time, so that a frequent one has one
SHOWN = 60  # characters of a word in a list
LONG = 200  # characters of a word that is kept whole
LEAST = 3  # occurrences of a word that can mark a text

Counted = tuple[tuple[str, int], ...]


@attrs.frozen(kw_only=True, eq=False)
class Vocabulary:
    """What is known of all words."""

    tokens: int
    types: int  # different words
    hapaxes: int  # words that occur once
    names: Sequence[str]  # of each id; that of the border, 0, is empty
    counts: Mapping[str, int]  # in the order of first occurrence; of very many, the frequent ones
    frequencies: np.ndarray  # int64, each that occurs, the highest first
    types_of: np.ndarray  # int64, how many types have each frequency
    is_estimate: bool  # whether rare words were counted on a sample

    def top(self, most: int) -> Counted:
        """Return the `most` frequent words; of equally frequent ones the first to occur."""
        best = heapq.nlargest(most, self.counts.items(), key=itemgetter(1))
        return tuple((shown(word), count) for word, count in best)

    def at_ranks(self, ranks: Sequence[int]) -> list[int]:
        """Return the frequencies of the words at `ranks`, from 1 up to `types`."""
        places = np.searchsorted(np.cumsum(self.types_of), np.array(ranks, np.int64))
        return [int(frequency) for frequency in self.frequencies[places]]


class VocabularyCounter:
    """Counts words, and gives each its number."""

    def __init__(self, *, named: int = NAMED, late: int = LATE, numbered: int = NUMBERED) -> None:
        self._most_named, self._most_late = named, late
        self._index = _Index()
        self._hashes = np.zeros(1, np.uint64)  # of each id
        self._counts = np.zeros(1, np.int64)
        self._rare = HashedCounts(numbered)
        self._late: Counter[str] = Counter()
        self._tokens = 0

    def add(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Count `words`; return an id, int32, from 1 on, and a hash, uint64, of each."""
        self._tokens += len(words)
        self._index.is_full = len(self._index) >= self._most_named
        ids = np.fromiter(map(self._index.__getitem__, words), np.int32, len(words))
        self._hash_new_names()
        hashes = self._hashes[ids]
        self._counts += np.bincount(ids, minlength=len(self._counts))
        if self._index.is_full:
            self._add_rare(words, ids, hashes)
        return ids, hashes

    def finish(self) -> Vocabulary:
        """Return what was counted."""
        self._rare.settle()
        counts = dict(zip(self._index, self._counts[1:].tolist(), strict=True))
        late, others = self._late_words()
        counts.update(late)
        named = np.fromiter(counts.values(), np.int64, len(counts))
        frequencies, types_of = np.unique(np.concatenate([named, others]), return_counts=True)
        every = self._rare.every
        if every > 1:  # a rare word of the sample stands for `every` ones
            sampled = np.bincount(np.searchsorted(frequencies, others), minlength=len(frequencies))
            types_of = types_of + (every - 1) * sampled
        return Vocabulary(
            tokens=self._tokens,
            types=int(types_of.sum()),
            hapaxes=int(types_of[frequencies == 1].sum()),
            names=("", *self._index),
            counts=counts,
            frequencies=frequencies[::-1],
            types_of=types_of[::-1],
            is_estimate=every > 1,
        )

    def _hash_new_names(self) -> None:
        new = len(self._index) + 1 - len(self._hashes)
        if new:
            names = list(islice(reversed(self._index), new))[::-1]
            self._hashes = np.concatenate([self._hashes, hash_texts(names)])
            self._counts = np.concatenate([self._counts, np.zeros(new, np.int64)])

    def _add_rare(self, words: Sequence[str], ids: np.ndarray, hashes: np.ndarray) -> None:
        """Count the words that have no id, and fill in their numbers."""
        places = np.flatnonzero(ids == 0)
        rare = [_key(words[place]) for place in places.tolist()]
        numbers = hash_texts(rare)
        hashes[places] = numbers
        first = len(self._index) + 1
        ids[places] = first + (numbers % np.uint64(2**31 - 1 - first)).astype(np.int32)
        self._rare.add(numbers)
        self._late.update(rare)
        if len(self._late) > self._most_late:
            self._late = Counter(dict(self._late.most_common(self._most_late // 4)))

    def _late_words(self) -> tuple[dict[str, int], np.ndarray]:
        """Return the whole counts of the late words with a name, and those of all others."""
        words = list(self._late)
        places, found = self._rare.find(hash_texts(words))
        counts = np.fromiter(self._late.values(), np.int64, len(words))
        counts[found] = self._rare.counts[places[found]]
        others = np.ones(len(self._rare.keys), bool)
        others[places[found]] = False
        return dict(zip(words, counts.tolist(), strict=True)), self._rare.counts[others]


class DomainWord(NamedTuple):
    """A word, how often it occurs, per million words here and in the reference, and its score."""

    word: str
    occurrences: int
    per_million: float
    per_million_in_reference: float
    score: float


def find_domain_words(
    counts: Mapping[str, int],
    tokens: int,
    reference: Mapping[str, int],
    reference_tokens: int,
    most: int,
) -> tuple[DomainWord, ...]:
    """Return the `most` words with a letter that mark a text, by score; 15.13 means p < 0.0001."""
    if not tokens or not reference_tokens:
        return ()
    words = [
        word for word, count in counts.items() if count >= LEAST and any(map(str.isalpha, word))
    ]
    here = np.array([counts[word] for word in words], np.float64)
    there = np.array([reference.get(word, 0) for word in words], np.float64)
    scores = log_likelihood(here, tokens, there, reference_tokens)
    scores[here / tokens <= there / reference_tokens] = 0
    best = [place for place in np.argsort(-scores, kind="stable")[:most] if scores[place] > 0]
    return tuple(
        DomainWord(
            word=shown(words[place]),
            occurrences=int(here[place]),
            per_million=round(float(here[place]) / tokens * 1e6, 1),
            per_million_in_reference=round(float(there[place]) / reference_tokens * 1e6, 1),
            score=round(float(scores[place]), 1),
        )
        for place in best
    )


def log_likelihood(
    here: np.ndarray, tokens: int, there: np.ndarray, reference_tokens: int
) -> np.ndarray:
    """Return G² of each word: twice the sum of observed times log(observed / expected)."""
    together = (here + there) / (tokens + reference_tokens)
    score = np.zeros(len(here))
    for observed, size in ((here, tokens), (there, reference_tokens)):
        seen = observed > 0
        score[seen] += observed[seen] * np.log(observed[seen] / (together[seen] * size))
    return 2 * score


class _Index(dict[str, int]):
    """Ids by word; a new word gets the next one, or 0 once there are enough."""

    is_full = False

    def __missing__(self, word: str) -> int:
        return 0 if self.is_full else self.setdefault(_key(word), len(self) + 1)


def shown(word: str) -> str:
    """Return a word as a list shows it."""
    return word if len(word) <= SHOWN else f"{word[: SHOWN - 1]}…"


def _key(word: str) -> str:
    """Return a word, or what a very long one is known by."""
    return word if len(word) <= LONG else f"{word[:LONG]}…{hash_texts([word])[0]:016x}"
