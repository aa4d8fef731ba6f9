"""A text in blocks of about equal size, whatever its documents and lines are like.

Everything is counted block by block: they end at the end of a line, so that neither words nor lines
are cut, and hold many small documents or a part of a large one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import attrs

from textgen_core.corpus.documents import iterate_pieces

BLOCK = 1 << 18
LONGEST = 1 << 22
MOST_DOCUMENTS = 1 << 14

Item = TypeVar("Item")


@attrs.frozen(kw_only=True)
class Block:
    """A part of a text."""

    parts: tuple[str, ...]  # documents; the first may go on with the last of the block before
    ends_document: bool  # if not, the last part goes on in the next block

    def text(self) -> str:
        """Return the characters of the block, and no others."""
        return "".join(self.parts)

    def lines(self) -> str:
        """Return the text with a line end at the end of each document that ends here."""
        ended = [part if part.endswith("\n") or not part else f"{part}\n" for part in self.parts]
        if not self.ends_document:
            ended[-1] = self.parts[-1]
        return "".join(ended)


def iterate_blocks(
    documents: Iterable[str],
    *,
    size: int = BLOCK,
    longest: int = LONGEST,
    most_documents: int = MOST_DOCUMENTS,
) -> Iterator[Block]:
    """Yield the text in blocks: at least `size` characters and up to the end of a line.

    A line of more than `longest` characters is cut between two words, and a longer word anywhere.
    A block holds at most `most_documents`.
    """
    parts: list[str] = []
    filled, rest = 0, ""
    for text, ends_document in iterate_pieces(documents):
        rest += text
        start = 0
        while (cut := _cut(rest, start, size, longest)) < len(rest):
            yield Block(parts=(*parts, rest[start:cut]), ends_document=False)
            parts, filled, start = [], 0, cut
        rest = rest[start:]
        if not ends_document:
            continue
        parts.append(rest)
        filled, rest = filled + len(rest), ""
        if filled >= size or len(parts) >= most_documents:
            yield Block(parts=tuple(parts), ends_document=True)
            parts, filled = [], 0
    if parts:
        yield Block(parts=tuple(parts), ends_document=True)


class EvenSample(Generic[Item]):
    """Items spread evenly over all that were offered, of at most a size of `most` together.

    Every item is kept until they are too large; from then on every second, fourth and so on.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[tuple[int, Item]] = []
        self._offered = 0
        self.step = 1

    def offer(self, size: int, make: Callable[[], Item]) -> None:
        """Take the next item, of a size; it is made only if it is kept."""
        if self._offered % self.step == 0:
            self._kept.append((size, make()))
        self._offered += 1
        while sum(size for size, _ in self._kept) > self._most and len(self._kept) > 1:
            self._kept = self._kept[::2]
            self.step *= 2

    def items(self) -> list[Item]:
        """Return what was kept, in order."""
        return [item for _, item in self._kept]


def _cut(text: str, start: int, size: int, longest: int) -> int:
    """Return where the block from `start` ends; the end of `text` where that is not yet known."""
    line_end = text.find("\n", start + size - 1, start + longest) + 1
    if line_end:
        return line_end
    if len(text) - start <= longest:
        return len(text)
    window = text[start : start + longest]
    inside = len(window.rstrip())
    if inside == len(window):
        *before, last_word = window.rsplit(None, 1)
        inside = len(window) - len(last_word) if before else 0
    if inside == 0:  # one word, or nothing but spaces
        inside = len(window) - window.endswith("\r")
    return start + inside
