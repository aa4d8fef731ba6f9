"""A corpus as a value: its documents, the files that they came from, and what there is to say.

Also where one document ends and the next begins. This module reads no files and cleans nothing:
joined, the documents are the text that was read, to the last character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import attrs

Borders = Literal["file", "blank-line", "record"]

LINE_END = r"(?:\r\n?+|\n)"
BLANK_LINE = rf"(?:[^\S\r\n]*+{LINE_END})"
BORDERS = {
    "blank-line": re.compile(rf"{LINE_END}{BLANK_LINE}++"),
    "record": re.compile(rf"{LINE_END}{BLANK_LINE}*+"),
}
LEADING_SPACE = re.compile(r"\s*+")


@attrs.frozen(kw_only=True)
class SourceFile:
    """A file that was read: its path as given, its size in bytes and their SHA-256."""

    path: str
    bytes: int
    sha256: str


@attrs.frozen(kw_only=True)
class Corpus:
    """The text of a run.

    documents: in the order given; none is empty. files: what they were read from.
    notes: sentences for the person about what was dropped, skipped or changed on the way.
    """

    documents: tuple[str, ...]
    files: tuple[SourceFile, ...] = ()
    notes: tuple[str, ...] = ()


def split_documents(text: str, borders: Borders) -> Iterator[str]:
    """Yield the documents of one file's text, which joined are the text again.

    A document keeps the line end and the blank lines that follow it, so no document is blank
    unless the whole text is.
    """
    if borders == "file":
        yield text
        return
    start = 0
    first = LEADING_SPACE.match(text)
    last = len(text.rstrip())
    for border in BORDERS[borders].finditer(text, first.end() if first else 0):
        if border.end() >= last:
            break
        yield text[start : border.end()]
        start = border.end()
    yield text[start:]


def is_blank(text: str) -> bool:
    """Return whether `text` holds nothing but whitespace."""
    return not text or text.isspace()


def count_of(number: int, word: str, plural: str = "") -> str:
    """Return `number` with its noun, such as `1 line` or `2,000 lines`."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"
