"""A text in blocks of about equal size, whatever its documents and lines are like.

Whoever counts something goes through blocks: they end at the end of a line, so that neither words
nor lines are cut, and hold many small documents or a part of a large one. This module knows
nothing about what is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

import attrs

from textgen_core.corpus.reading.stored import iterate_pieces

BLOCK = 1 << 18  # characters after which a block ends with the line
LONGEST = 1 << 22  # characters of a line that are kept together; a longer one is cut
MANY = 1 << 14  # documents in a block

Item = TypeVar("Item")


@attrs.frozen(kw_only=True)
class Block:
    """A part of a text: `parts` are documents, in order.

    The first part may go on with the last document of the block before; the last one goes on in
    the next block unless `ends_document`.
    """

    parts: tuple[str, ...]
    ends_document: bool

    def text(self) -> str:
        """Return the characters of the block, and no others."""
        return "".join(self.parts)

    def lines(self) -> str:
        """Return the text with a line end at the end of each document that ends here."""
        ended = [part if part.endswith("\n") or not part else f"{part}\n" for part in self.parts]
        if not self.ends_document:
            ended[-1] = self.parts[-1]
        return "".join(ended)


def iterate_blocks(documents: Iterable[str]) -> Iterator[Block]:
    """Yield the text in blocks: at least `BLOCK` characters and up to the end of a line.

    A line of more than `LONGEST` characters is cut between two words, and a longer word anywhere.
    """
    parts: list[str] = []
    size = 0
    rest = ""
    for text, ends_document in iterate_pieces(documents):
        rest += text
        start = 0
        while (cut := _cut(rest, start)) < len(rest):
            yield Block(parts=(*parts, rest[start:cut]), ends_document=False)
            parts, size, start = [], 0, cut
        rest = rest[start:]
        if not ends_document:
            continue
        parts.append(rest)
        size += len(rest)
        rest = ""
        if size >= BLOCK or len(parts) >= MANY:
            yield Block(parts=tuple(parts), ends_document=True)
            parts, size = [], 0
    if parts:
        yield Block(parts=tuple(parts), ends_document=True)


class EvenSample(Generic[Item]):
    """Items spread evenly over all that were offered, of a bounded size together.

    Every item is kept until they are too large; from then on every second, fourth and so on.
    """

    def __init__(self, most: int) -> None:
        """Keep items of at most `most` together, by the sizes given with them."""
        self._most = most
        self._kept: list[tuple[int, Item]] = []
        self._size = 0
        self._offered = 0
        self.step = 1

    def wants_next(self) -> bool:
        """Return whether the next item will be kept."""
        return self._offered % self.step == 0

    def offer(self, item: Item | None, size: int) -> None:
        """Take the next item or, where it is not wanted, None."""
        if self.wants_next() and item is not None:
            self._kept.append((size, item))
            self._size += size
        self._offered += 1
        while self._size > self._most and len(self._kept) > 1:
            self._kept = self._kept[::2]
            self._size = sum(size for size, _ in self._kept)
            self.step *= 2

    def items(self) -> list[Item]:
        """Return what was kept, in order."""
        return [item for _, item in self._kept]


def _cut(text: str, start: int) -> int:
    """Return where the block from `start` ends; the end of `text` where it is not yet known.

    The end of the text stands also for a document's rest that fits into one block.
    """
    line_end = text.find("\n", start + BLOCK - 1, start + LONGEST) + 1
    if line_end:
        return line_end
    if len(text) - start <= LONGEST:
        return len(text)
    window = text[start : start + LONGEST]
    inside = len(window.rstrip())
    if inside == len(window):
        words = window.rsplit(None, 1)
        inside = len(window) - len(words[-1]) if len(words) > 1 else 0
    if inside == 0:  # one word, or nothing but spaces
        inside = len(window) - window.endswith("\r")
    return start + inside
