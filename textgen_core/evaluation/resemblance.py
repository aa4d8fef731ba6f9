"""How much written text resembles real text, of which some was held out.

Figures of the text alone, as repetition and the length of sentences, are measured on pages: some
texts each, as long as the real ones. The distance between two distributions over pages is Fréchet's
of normal ones, in units of the spread between real pages, less what so few pages differ by chance.
So 0 is what other real text comes to, and 1 as far as one page of real text is from the usual.

Sense plays no part: sentences in any order resemble a text. What is copied from the training text
does not, since real text has words, and pairs of words, that are not in there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import pairwise

import attrs
import numpy as np

from textgen_core.components.words import split_words
from textgen_core.corpus.analysis.lengths import iterate_sentences, measure_sentences

# What is measured, and of which side of a text it tells. Each side counts the same.
SIDES: Mapping[str, tuple[str, ...]] = {
    "repetition": ("rep_2", "rep_3", "rep_4"),
    "diversity": ("distinct_1", "distinct_2", "distinct_3"),
    "zipf": ("zipf",),
    "sentences": ("sentence_ends", "line_ends"),
    "words": ("word_length", "new_words"),
    "phrases": ("new_pairs",),
}
FIGURES = tuple(figure for figures in SIDES.values() for figure in figures)
_ORDERS = {"rep": (2, 3, 4), "distinct": (1, 2, 3)}
_OF_TRAINING = 2_000_000  # characters of the training text whose words count as known


@attrs.frozen(kw_only=True)
class Ruler:
    """How figures are measured, the same for all texts that are compared.

    language: an ISO 639 code, whose rules say where sentences end. by_line: whether they end with
    the line, as in verse or code. known: hashes of the words of the training text, and of the pairs
    in it of neighbouring ones; none: they are not at hand, and nothing is new.
    """

    language: str
    by_line: bool = False
    known: Collection[int] = ()

    @classmethod
    def for_text(
        cls, texts: Sequence[str], language: str, training_text: Iterable[str] = ()
    ) -> Ruler:
        """Return how texts like these are measured.

        Args:
            texts: real ones.
            language: an ISO 639 code.
            training_text: pieces of what the model has read, of which the first two million
                characters count; none if they are not at hand.
        """
        return cls(
            language=language,
            by_line=measure_sentences(texts, language)[1] == "line",
            known=_hashes(training_text),
        )

    def measure(self, page: Sequence[str]) -> dict[str, float]:
        """Measure the figures of a page: some texts that do not follow one another.

        Args:
            page: the texts; what is written in them begins and ends anywhere.

        Returns:
            The figures of FIGURES. rep: the share of a text's n-grams that it held before, mean of
            the texts (Welleck et al. 2019). distinct: different n-grams over all of the page (Li et
            al. 2016). zipf: how fast words grow rare by rank. sentence_ends: for a word; line_ends:
            for a character; word_length: in characters; new_words, new_pairs: the share of words,
            and of neighbouring words and marks, that the training text does not have.
        """
        texts = [split_words(text) for text in page]
        words = [unit for units in texts for unit in units if _is_word(unit)]
        pairs = [pair for units in texts for pair in _ngrams(units, 2)]
        line_ends = sum(text.strip().count("\n") for text in page)
        return {
            **{f"rep_{n}": _repetition(texts, n) for n in _ORDERS["rep"]},
            **{f"distinct_{n}": _distinct(texts, n) for n in _ORDERS["distinct"]},
            "zipf": slope_of_zipf(Counter(words).values()),
            "sentence_ends": self._sentence_ends(page) / max(1, len(words)),
            "line_ends": line_ends / max(1, sum(map(len, page))),
            "word_length": sum(map(len, words)) / max(1, len(words)),
            "new_words": self._share_new(words),
            "new_pairs": self._share_new(pairs),
        }

    def _share_new(self, found: Sequence[Hashable]) -> float:
        if not self.known or not found:
            return 0.0
        return sum(hash(each) not in self.known for each in found) / len(found)

    def _sentence_ends(self, page: Sequence[str]) -> int:
        """Count the ends of sentences within texts, and not that of a text itself."""
        if self.by_line:
            sentences = [text.split("\n") for text in page]
        else:
            sentences = [list(iterate_sentences(text, self.language)) for text in page]
        return sum(max(0, sum(map(_is_word, each)) - 1) for each in sentences)


@attrs.frozen(kw_only=True)
class Resemblance:
    """How far some pages are from real text.

    square: the distance squared, below 0 where pages are nearer than most real ones: what a search
    needs. sides: the distance of each side of SIDES. figures: means over the pages.
    """

    square: float
    sides: Mapping[str, float]
    figures: Mapping[str, float]

    @property
    def distance(self) -> float:
        """The distance, 0 or more."""
        return _root(self.square)


@attrs.frozen(kw_only=True, eq=False)
class RealText:
    """What pages of real text are like.

    measured: `(pages, figures)`. finest: what one word more or less changes; a spread is at least
    that, since figures that hardly vary would count for everything.
    """

    ruler: Ruler
    measured: np.ndarray
    finest: float

    @classmethod
    def of(cls, pages: Sequence[Sequence[str]], ruler: Ruler) -> RealText:
        """Measure real pages, two at least, of texts as long as those that are compared later."""
        if len(pages) < 2:
            raise ValueError("A spread needs two pages.")
        units = sum(len(split_words(text)) for page in pages for text in page)
        measured = _measure(pages, ruler)
        return cls(ruler=ruler, measured=measured, finest=len(pages) / max(1, units))

    @property
    def figures(self) -> dict[str, float]:
        """The means over the pages, by figure."""
        return dict(zip(FIGURES, self.measured.mean(axis=0).tolist(), strict=True))

    def compare(self, pages: Sequence[Sequence[str]]) -> Resemblance:
        """Return how far other pages are from these.

        Args:
            pages: each of as many texts as a real one, and these as long.

        Returns:
            The distance, and what it is made of.
        """
        written = _measure(pages, self.ruler)
        squares = dict(zip(FIGURES, self._squares(written).tolist(), strict=True))
        sides = {
            side: sum(squares[figure] for figure in figures) / len(figures)
            for side, figures in SIDES.items()
        }
        means = written.mean(axis=0).tolist()
        return Resemblance(
            square=sum(sides.values()) / len(sides),
            sides={side: _root(square) for side, square in sides.items()},
            figures=dict(zip(FIGURES, means, strict=True)),
        )

    def _squares(self, written: np.ndarray) -> np.ndarray:
        """Return the squared distance of each figure, less what chance makes of it."""
        count, own = len(written), len(self.measured)
        spread = np.maximum(self.measured.std(axis=0, ddof=1), self.finest)
        of_written = written.std(axis=0, ddof=1) if count > 1 else spread
        of_written = np.maximum(of_written, self.finest)
        shift = written.mean(axis=0) - self.measured.mean(axis=0)
        # A mean strays by spread / sqrt(n), a spread by about spread / sqrt(2 n).
        by_chance = 1.5 * (of_written**2 / count + spread**2 / own)
        squares: np.ndarray = (shift**2 + (of_written - spread) ** 2 - by_chance) / spread**2
        return squares


def slope_of_zipf(counts: Iterable[int]) -> float:
    """Return how fast words grow rare: -d log(count) / d log(rank), 1 by Zipf's law.

    Args:
        counts: how often each word occurs.

    Returns:
        The slope of the line of least squares, each rank weighed by 1 / rank, so that the many
        words that occur once do not decide. 0 of fewer than two words.
    """
    ordered = np.sort(np.fromiter(counts, np.float64))[::-1]
    if len(ordered) < 2:
        return 0.0
    rank = np.arange(1, len(ordered) + 1, dtype=np.float64)
    weight, x, y = 1 / rank, np.log(rank), np.log(ordered)
    x = x - np.average(x, weights=weight)
    return float(-(weight * x * y).sum() / (weight * x * x).sum())


def _measure(pages: Sequence[Sequence[str]], ruler: Ruler) -> np.ndarray:
    """Return the figures of pages, `(pages, figures)`."""
    rows = [ruler.measure(page) for page in pages]
    return np.array([[row[figure] for figure in FIGURES] for row in rows])


def _hashes(training_text: Iterable[str]) -> frozenset[int]:
    """Return the hashes of the words and pairs of a text in pieces, or of its beginning."""
    found: set[int] = set()
    left = _OF_TRAINING
    for piece in training_text:
        units = split_words(piece[:left])
        found.update(map(hash, units))
        found.update(map(hash, pairwise(units)))
        left -= len(piece)
        if left <= 0:
            break
    return frozenset(found)


def _repetition(texts: Sequence[Sequence[str]], n: int) -> float:
    """Return the share of n-grams that their text held before, mean of the texts; 1 of nothing."""
    shares = [1 - len(set(found)) / len(found) for text in texts if (found := _ngrams(text, n))]
    return sum(shares) / len(shares) if shares else 1.0


def _distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    """Return different n-grams over n-grams of all texts together; 0 of nothing."""
    found = [ngram for text in texts for ngram in _ngrams(text, n)]
    return len(set(found)) / len(found) if found else 0.0


def _ngrams(units: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(units[start:] for start in range(n)), strict=False))


def _is_word(text: str) -> bool:
    return any(map(str.isalnum, text))


def _root(square: float) -> float:
    return math.sqrt(max(0.0, square))
