"""A corpus as a value: its documents, the files that they came from, and what there is to say.

Also where one document ends and the next begins. This module reads no files and cleans nothing:
joined, the documents are the text that was read, to the last character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import attrs

from textgen_core.corpus.reading.stored import Piece

Borders = Literal["file", "blank-line", "record"]

LINE_END = r"(?:\r\n?+|\n)"
BLANK_LINE = rf"(?:[^\S\r\n]*+{LINE_END})"
BORDERS = {
    "blank-line": re.compile(rf"{LINE_END}{BLANK_LINE}++"),
    "record": re.compile(rf"{LINE_END}{BLANK_LINE}*+"),
}
LINE_ENDS_OF = {"blank-line": 2, "record": 1}  # so many between two texts make them two documents
LEADING_SPACE = re.compile(r"\s*+")
HELD_SPACE = 1 << 20  # characters of whitespace that wait for what follows them


@attrs.frozen(kw_only=True)
class SourceFile:
    """A file that was read: its path as given, its size in bytes and their SHA-256."""

    path: str
    bytes: int
    sha256: str


@attrs.frozen(kw_only=True)
class Corpus:
    """The text of a run.

    documents: in the order given; none is empty. As they are read and cleaned they are
    `StoredDocuments`, outside of memory. files: what they were read from. notes: sentences for the
    person about what was dropped, skipped or changed on the way.
    """

    documents: Sequence[str]
    files: tuple[SourceFile, ...] = ()
    notes: tuple[str, ...] = ()


def split_documents(texts: Iterable[str], borders: Borders) -> Iterator[Piece]:
    """Yield the documents of one file's text, whose pieces are `texts`, as pieces of documents.

    Joined, they are the text again. A document keeps the line end and the blank lines that follow
    it, so no document is blank unless the whole text is.
    """
    if borders == "file":
        for text in texts:
            yield Piece(text, False)
        yield Piece("", True)
    else:
        yield from _Cutter(borders).pieces(texts)


def is_blank(text: str) -> bool:
    """Return whether `text` holds nothing but whitespace."""
    return not text or text.isspace()


def count_of(number: int, word: str, plural: str = "") -> str:
    """Return `number` with its noun, such as `1 line` or `2,000 lines`."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


class _Cutter:
    """Cuts a stream where documents end, which shows only when the next one begins.

    The whitespace at the end of what has come so far is therefore held back. Where there is too
    much of it, it goes to the document before, and only its line ends are remembered.
    """

    def __init__(self, borders: Literal["blank-line", "record"]) -> None:
        self.border, self.needed = BORDERS[borders], LINE_ENDS_OF[borders]
        self.held = ""
        self.line_ends = 0  # of the whitespace before `held`
        self.has_begun = False

    def pieces(self, texts: Iterable[str]) -> Iterator[Piece]:
        for text in texts:
            whole = self.held + text
            body = len(whole.rstrip())
            self.held = whole[body:]
            if body:
                start = 0
                for cut in self._cuts(whole, body):
                    yield Piece(whole[start:cut], True)
                    start = cut
                yield Piece(whole[start:body], False)
                self.has_begun, self.line_ends = True, 0
            if len(self.held) > HELD_SPACE:
                yield Piece(self._let_go(), False)
        yield Piece(self.held, True)

    def _cuts(self, text: str, body: int) -> Iterator[int]:
        """Yield where documents end in `text`, whose last visible character is before `body`."""
        leading = LEADING_SPACE.match(text)
        first = leading.end() if leading else 0
        if self.has_begun and self.line_ends + _count_line_ends(text[:first]) >= self.needed:
            yield max(text.rfind("\n", 0, first), text.rfind("\r", 0, first)) + 1
        for border in self.border.finditer(text, first, body):
            yield border.end()

    def _let_go(self) -> str:
        """Return the held whitespace but for a CR, which may be half of a line end."""
        keep = len(self.held) - self.held.endswith("\r")
        gone, self.held = self.held[:keep], self.held[keep:]
        self.line_ends += _count_line_ends(gone)
        return gone


def _count_line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
