"""The lengths of lines, how much of a text repeats its own lines, and lengths as a histogram.

Lengths are counted by length, and lines are remembered by a number each, so that a long text takes
no more memory than a short one.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence

import attrs
import numpy as np

from textgen_core.corpus.analysis.blocks import Block
from textgen_core.corpus.analysis.hashing import HashedCounts, hash_texts, mixed
from textgen_core.corpus.text import fold_newlines

BINS = 20
DIFFERENT_LINES = 2_000_000  # repetition among more different lines is estimated on a sample


@attrs.frozen(kw_only=True)
class Lengths:
    """A distribution of lengths, with a histogram to plot.

    Bin i counts the lengths from `edges[i]` up to, but without, `edges[i + 1]`; the last bin takes
    all that are longer than its neighbors, up to the maximum.
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
    of the characters in lines with text that stand in such lines. is_estimate: whether these two
    are of a sample of the lines.
    """

    lengths: Lengths
    repeated: float
    repeated_characters: float
    is_estimate: bool


class LineCounter:
    """Counts lines by their lengths in characters, line ends not counted, and their repetition.

    Lines are compared by their numbers, spaces around them aside. Where there are very many
    different ones, a sample by number has all copies of a line or none, so that the shares are
    unbiased.
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
            self._close()
        self._lengths.update(map(len, lines))
        filled = list(filter(None, map(str.strip, lines)))
        self._seen.add(hash_texts(filled), np.fromiter(map(len, filled), np.int32, len(filled)))
        if last:
            self._open = self._open or _LongLine()
            self._open.add(last)

    def finish(self) -> Lines:
        """Return what was counted."""
        self._close()
        self._seen.settle()
        counts, sizes = self._seen.counts.astype("int64"), self._seen.sizes.astype("int64")
        filled, characters = int(counts.sum()), int((counts * sizes).sum())
        return Lines(
            lengths=describe_lengths(self._lengths),
            repeated=(filled - len(counts)) / filled if filled else 0.0,
            repeated_characters=(characters - int(sizes.sum())) / characters if characters else 0.0,
            is_estimate=self._seen.every > 1,
        )

    def _close(self) -> None:
        line, self._open = self._open, None
        if line is None:
            return
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
    ordered = sorted(lengths.items())
    maximum = ordered[-1][0]
    usual = _nth(ordered, (count - 1) * 99 // 100)
    width = usual // BINS + 1  # the bins reach to what is usual, and the last one to the end
    edges = range(0, usual + width + 1, width)
    counts = [0] * (len(edges) - 1)
    for length, times in ordered:
        counts[min(length // width, len(counts) - 1)] += times
    return Lengths(
        count=count,
        mean=sum(length * times for length, times in ordered) / count,
        median=(_nth(ordered, (count - 1) // 2) + _nth(ordered, count // 2)) / 2,
        maximum=maximum,
        edges=(*edges[:-1], max(edges[-1], maximum + 1)),
        counts=tuple(counts),
    )


def _nth(ordered: Sequence[tuple[int, int]], place: int) -> int:
    """Return the length at `place`, from 0, among all lengths in ascending order."""
    lengths = iter(ordered)
    while place >= 0:
        length, times = next(lengths)
        place -= times
    return length
