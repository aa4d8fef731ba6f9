"""The lengths of lines and sentences as histograms, and how much of a text repeats its own lines.

Lengths are counted by length, and lines are remembered by a number each, so that a long text takes
no more memory than a short one. The library sentencex, which knows the abbreviations and marks of
some 240 languages, says where sentences end.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import attrs
import numpy as np

from textgen_core.corpus.analysis.blocks import Block
from textgen_core.corpus.analysis.hashing import HashedCounts, hash_texts, mixed
from textgen_core.corpus.analysis.words import PARAGRAPH_END
from textgen_core.corpus.text import fold_newlines, replace_surrogates, word_pattern

BINS = 20
DIFFERENT_LINES = 2_000_000  # repetition among more different lines is estimated on a sample
LINES_WITHOUT_SENTENCES = 10  # so many lines for each end of a sentence: lines are the sentences
SEGMENT = 2_000  # characters that are segmented at once: quotation marks take quadratic time
LONGEST_SENTENCE = 8_000  # characters
# No text has more than three of the same marks in a row for a reason that bears on its sentences.
RUN = re.compile(r"(\W{1,3}?)\1{3,}")
SPACE = re.compile(r"\s")


@attrs.frozen(kw_only=True)
class Lengths:
    """A distribution of lengths, with a histogram to plot.

    Bin i counts from `edges[i]` to just below `edges[i + 1]`, the last one up to the maximum.
    """

    count: int
    mean: float
    median: float
    maximum: int
    edges: tuple[int, ...]
    counts: tuple[int, ...]


@attrs.frozen(kw_only=True)
class Lines:
    """What is known of the lines."""

    lengths: Lengths
    repeated: float  # share of the lines with text that occurred before
    repeated_characters: float  # and of the characters in such lines
    is_estimate: bool  # whether these two are of a sample of the lines


class LineCounter:
    """Counts lines by their lengths in characters, line ends not counted, and their repetition.

    Lines are compared by their numbers, without the spaces around them. Of very many different ones
    a sample by number has all copies of a line or none, so that the shares are unbiased.
    """

    def __init__(self, different: int = DIFFERENT_LINES) -> None:
        self._lengths: Counter[int] = Counter()
        self._seen = HashedCounts(different)
        self._open: _LongLine | None = None

    def add(self, block: Block) -> None:
        """Count the lines that end in a block."""
        lines = fold_newlines(block.lines())[0].split("\n")
        last = lines.pop()  # empty, unless a line goes on in the next block
        if self._open is not None and lines:
            self._open.add(lines.pop(0))
            self._add_long(self._open)
            self._open = None
        self._lengths.update(map(len, lines))
        filled = list(filter(None, map(str.strip, lines)))
        self._seen.add(hash_texts(filled), np.fromiter(map(len, filled), np.int32, len(filled)))
        if last:
            self._open = self._open or _LongLine()
            self._open.add(last)

    def finish(self) -> Lines:
        """Return what was counted."""
        self._seen.settle()
        counts, sizes = self._seen.counts.astype("int64"), self._seen.sizes.astype("int64")
        filled, characters = max(1, int(counts.sum())), max(1, int(counts @ sizes))
        return Lines(
            lengths=describe_lengths(self._lengths),
            repeated=int((counts - 1).sum()) / filled,
            repeated_characters=int((counts - 1) @ sizes) / characters,
            is_estimate=self._seen.every > 1,
        )

    def _add_long(self, line: _LongLine) -> None:
        self._lengths[line.length] += 1
        if line.stripped:
            key = mixed(np.array([line.high << 32 | line.low], np.uint64))
            self._seen.add(key, np.array([min(line.stripped, 2**31 - 1)]))


class _LongLine:
    """A line that comes in parts: its length, and the number that `hash_texts` would give it."""

    def __init__(self) -> None:
        self.length = self.stripped = 0  # characters, with and without the spaces around them
        self.high, self.low = zlib.crc32(b""), zlib.adler32(b"")
        self._all = (self.high, self.low, 0)  # the same with the spaces at the end

    def add(self, part: str) -> None:
        """Take the next part; spaces count once something follows them."""
        self.length += len(part)
        text = part.rstrip()
        if text:
            self._feed(text if self.stripped else text.lstrip())
            self.high, self.low, self.stripped = self._all
        if self.stripped:
            self._feed(part[len(text) :])

    def _feed(self, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        high, low, size = self._all
        self._all = (zlib.crc32(data, high), zlib.adler32(data, low), size + len(text))


def describe_lengths(lengths: Counter[int]) -> Lengths:
    """Return the figures and the histogram of `lengths`, how often each length occurs."""
    count = lengths.total()
    if not count:
        return Lengths(count=0, mean=0.0, median=0.0, maximum=0, edges=(), counts=())
    values, times = np.array(sorted(lengths.items()), np.int64).T
    places = [(count - 1) // 2, count // 2, (count - 1) * 99 // 100]
    low, high, usual = values[np.searchsorted(np.cumsum(times), places, side="right")].tolist()
    width = usual // BINS + 1  # the bins reach to what is usual, and the last one to the end
    edges = range(0, usual + width + 1, width)
    counts, maximum = np.zeros(len(edges) - 1, np.int64), int(values[-1])
    np.add.at(counts, np.minimum(values // width, len(counts) - 1), times)
    return Lengths(
        count=count,
        mean=float(values @ times) / count,
        median=(low + high) / 2,
        maximum=maximum,
        edges=(*edges[:-1], max(edges[-1], maximum + 1)),
        counts=tuple(counts.tolist()),
    )


def measure_sentences(texts: Iterable[str], language: str) -> tuple[Lengths, str]:
    """Return the lengths of sentences in words, and what was taken for one: "punctuation", "line".

    language: its ISO 639 code. A blank line ends a sentence too. In text that hardly has ends of
    sentences (verse, word lists, prepared corpora) they end at the end of the line.
    """
    sentences: Counter[int] = Counter()
    by_line: Counter[int] = Counter()
    for text in texts:
        clean = replace_surrogates(fold_newlines(text)[0])[0]
        sentences.update(_word_counts(iterate_sentences(clean, language)))
        by_line.update(_word_counts(clean.split("\n")))
    use_lines = sentences.total() * LINES_WITHOUT_SENTENCES < by_line.total()
    if use_lines:
        return describe_lengths(by_line), "line"
    return describe_lengths(sentences), "punctuation"


def iterate_sentences(text: str, language: str) -> Iterator[str]:
    """Yield the sentences of a text; runs of the same marks are shortened to three."""
    from sentencex import segment

    for paragraph in PARAGRAPH_END.split(text):
        rest = ""
        for part in _segments(RUN.sub(r"\1\1\1", paragraph)):
            found: Sequence[str] = segment(language, rest + part)
            # The last sentence may go on in the next part.
            rest = found[-1] if found and len(found[-1]) < LONGEST_SENTENCE else ""
            yield from found[:-1] if rest else found
        yield rest


def _segments(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        space = SPACE.search(text, start + SEGMENT, start + 2 * SEGMENT)
        end = space.end() if space else min(start + 2 * SEGMENT, len(text))
        yield text[start:end]
        start = end


def _word_counts(sentences: Iterable[str]) -> Iterator[int]:
    find = word_pattern().findall
    return filter(None, (len(find(sentence)) for sentence in sentences))
