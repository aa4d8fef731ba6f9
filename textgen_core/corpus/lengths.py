"""The lengths of lines and sentences, and how much of a text repeats its own lines.

Lengths are counted by length, so that a long text takes no more memory than its longest piece.
This module knows nothing about what the words are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs

from textgen_core.corpus.clean import fold_newlines
from textgen_core.corpus.words import pieces_of, word_pattern

LINE_END = re.compile("\n")
# Enders count once a space, a closing quote or the end follows; those of Chinese and Japanese and a
# blank line always. A run of enders is tried from its start only: a long one stays quick.
SENTENCE_END = re.compile(
    r"(?<![.!?…؟।])[.!?…؟।]++[\"'”’»)\]]*+(?:\s++|\Z)|[。！？｡]++[」』”’）]*+|\n(?:[^\S\n]*+\n)++"
)
SENTENCE_CHARACTERS = 10_000_000  # sentences of longer texts are counted on a sample
BINS = 20
LINES_WITHOUT_SENTENCES = 10  # so many lines without an end of a sentence: lines are the sentences


@attrs.frozen(kw_only=True)
class Lengths:
    """A distribution of lengths, with a histogram to plot.

    Bin i counts the lengths from `edges[i]` up to, but without, `edges[i + 1]`; the last bin takes
    all that are longer than its neighbours, up to the maximum.
    """

    count: int
    mean: float
    median: float
    maximum: int
    edges: tuple[int, ...]
    counts: tuple[int, ...]


@attrs.frozen(kw_only=True)
class Lines:
    """What is known of the lines.

    repeated: the share of the lines with text that occurred before; repeated_characters: the share
    of the characters in lines with text that stand in such lines.
    """

    lengths: Lengths
    repeated: float
    repeated_characters: float


@attrs.frozen(kw_only=True)
class Sentences:
    """The lengths of sentences in words; `rule` says what was taken for one."""

    lengths: Lengths
    rule: str
    is_sample: bool


def measure_lines(documents: Iterable[str]) -> Lines:
    """Return the lengths of lines in characters, line ends not counted, and their repetition.

    Lines are compared by their hash, spaces around them aside.
    """
    lengths: Counter[int] = Counter()
    seen: set[int] = set()
    filled = repeated = characters = repeated_characters = 0
    for lines in _lines(documents):
        lengths.update(map(len, lines))
        for line in filter(None, map(str.strip, lines)):
            filled += 1
            characters += len(line)
            key = hash(line)
            if key in seen:
                repeated += 1
                repeated_characters += len(line)
            else:
                seen.add(key)
    return Lines(
        lengths=describe_lengths(lengths),
        repeated=repeated / filled if filled else 0.0,
        repeated_characters=repeated_characters / characters if characters else 0.0,
    )


def measure_sentences(documents: Sequence[str]) -> Sentences:
    """Return the lengths of sentences in words.

    A sentence ends at `.`, `!`, `?` and their like before a space, and at a blank line; in text
    that hardly has such ends (verse, word lists, prepared corpora) at the end of the line.
    Abbreviations are not known, so `Mr. Smith` ends one: read the figures as estimates.
    """
    total = sum(map(len, documents))
    step = -(-total // SENTENCE_CHARACTERS) if total else 1
    sentences: Counter[int] = Counter()
    by_line: Counter[int] = Counter()
    for number, lines in enumerate(_lines(documents)):
        if number % step == 0:
            sentences.update(_word_counts(SENTENCE_END.split("\n".join(lines))))
            by_line.update(_word_counts(lines))
    use_lines = sentences.total() * LINES_WITHOUT_SENTENCES < by_line.total()
    return Sentences(
        lengths=describe_lengths(by_line if use_lines else sentences),
        rule="line" if use_lines else "punctuation",
        is_sample=step > 1,
    )


def describe_lengths(lengths: Counter[int]) -> Lengths:
    """Return the figures and the histogram of `lengths`, how often each length occurs."""
    count = lengths.total()
    if not count:
        return Lengths(count=0, mean=0.0, median=0.0, maximum=0, edges=(), counts=())
    ordered = sorted(lengths.items())
    width, edges = _edges(_nth(ordered, (count - 1) * 99 // 100), ordered[-1][0])
    counts = [0] * (len(edges) - 1)
    for length, times in ordered:
        counts[min(length // width, len(counts) - 1)] += times
    return Lengths(
        count=count,
        mean=sum(length * times for length, times in ordered) / count,
        median=(_nth(ordered, (count - 1) // 2) + _nth(ordered, count // 2)) / 2,
        maximum=ordered[-1][0],
        edges=edges,
        counts=tuple(counts),
    )


def _edges(usual: int, maximum: int) -> tuple[int, tuple[int, ...]]:
    """Return the width of the bins that reach to `usual`, and their edges, the last at the end."""
    width = usual // BINS + 1
    edges = range(0, usual + width + 1, width)
    return width, (*edges[:-1], max(edges[-1], maximum + 1))


def _nth(ordered: Sequence[tuple[int, int]], place: int) -> int:
    """Return the length at `place`, from 0, among all lengths in ascending order."""
    passed = 0
    for length, times in ordered:
        passed += times
        if passed > place:
            return length
    return ordered[-1][0]


def _word_counts(sentences: Iterable[str]) -> Iterator[int]:
    find = word_pattern().findall
    return filter(None, (len(find(sentence)) for sentence in sentences))


def _lines(documents: Iterable[str]) -> Iterator[list[str]]:
    """Yield the lines of each document in lists of a few thousand, without their line ends."""
    for document in documents:
        for piece in pieces_of(document, LINE_END):
            lines = fold_newlines(piece)[0].split("\n")
            if not lines[-1]:
                lines.pop()
            yield lines
