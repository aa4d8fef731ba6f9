"""Reads one file: its bytes, unpacked and decoded, become documents, all of them or none.

A bad byte may stand at the end of a gigabyte, so what a file has given is taken back if it fails.
Joined, the documents of a file are its text, but for the line ends between two of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

import attrs

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.documents import DocumentWriter, Piece, SourceFile
from textgen_core.corpus.reading.decode import AUTO, Undecodable, decode_blocks
from textgen_core.corpus.reading.files import shown
from textgen_core.corpus.reading.formats import CSV, PLAIN, TABLES, format_by_name, format_of
from textgen_core.corpus.reading.source import ByteSource, is_pipe, open_source, unpack
from textgen_core.corpus.reading.tables import read_records
from textgen_core.corpus.reading.values import Layout
from textgen_core.corpus.text import is_blank
from textgen_core.errors import CorpusError

Borders = Literal["file", "blank-line", "record"]

# Why there is no document of a file.
EMPTY, BLANK, NO_RECORD = "empty", "only whitespace", "no text in its column"
LINE_END = r"(?:\r\n?+|\n)"
BLANK_LINE = rf"(?:[^\S\r\n]*+{LINE_END})"
# What ends a document, and how many line ends between two texts make them two documents.
BORDERS = {
    "blank-line": (re.compile(rf"{LINE_END}{BLANK_LINE}++"), 2),
    "record": (re.compile(rf"{LINE_END}{BLANK_LINE}*+"), 1),
}
HELD_SPACE = 1 << 20  # characters of whitespace that wait for what follows them


@attrs.frozen(kw_only=True)
class FileRead:
    """A file whose documents were taken."""

    source: SourceFile  # as it lies on the disk, compressed or not
    lack: str = ""  # why there is no document of it
    notes: tuple[str, ...] = ()
    encoding: str = ""  # if it was guessed
    is_table: bool = False


def read_file(
    path: Path, settings: CorpusSettings, writer: DocumentWriter, *, take_only_column: bool = True
) -> FileRead:
    """Give `writer` the documents of a file, all or none; raises CorpusError unless it is text.

    take_only_column: whether a table of which nothing is named may have its only column taken.
    """
    guessed = settings.encoding == AUTO
    layout = attrs.evolve(Layout.of(settings), take_only_column=take_only_column)
    with open_source(path, to_read_again=guessed) as source:
        encoding = "utf-8" if guessed else settings.encoding
        try:
            return _read_as(encoding, path, source, settings, layout, writer)
        except Undecodable as error:
            if not guessed:
                raise
            encoding = error.guess
            if not encoding:
                raise _unguessable(error, "nor does it look like another encoding") from error
        source.rewind()
        try:
            file = _read_as(encoding, path, source, settings, layout, writer)
        except Undecodable as error:
            raise _unguessable(error, "though it looks like it, nor is it utf-8") from error
        return attrs.evolve(file, encoding=encoding)


def split_documents(texts: Iterable[str], borders: Borders) -> Iterator[Piece]:
    """Yield the documents of one file's text, which comes in `texts`, as pieces of documents.

    Line ends before, between and after lines or blocks belong to no document: `<END>` says where
    one ends. None is blank unless the whole text is.
    """
    if borders == "file":
        for text in texts:
            yield Piece(text, False)
        yield Piece("", True)
    else:
        yield from _Cutter(borders).pieces(texts)


def _unguessable(error: Undecodable, why: str) -> CorpusError:
    return CorpusError(
        f"{error.problem.removesuffix('.')}, {why}.",
        "Allowed with corpus.encoding=auto: text whose encoding can be told.",
        "Leave the file out, or name its encoding: --set corpus.encoding=...",
    )


def _read_as(
    encoding: str,
    path: Path,
    source: ByteSource,
    settings: CorpusSettings,
    layout: Layout,
    writer: DocumentWriter,
) -> FileRead:
    name, notes = shown(path), list[str]()
    data, is_packed = unpack(source.blocks(), name)
    subject = f"{name}, unpacked," if is_packed else name
    texts = decode_blocks(data, encoding, name, notes, subject=subject)
    head = next(texts, "")
    texts = chain((head,), texts)
    form = _format_of(head, path, settings, bool(layout.keys))
    is_table = form in TABLES
    if is_table:
        pieces = read_records(texts, form, layout, name, notes)
    else:
        pieces = split_documents(texts, settings.documents)
    lack, before = EMPTY, len(writer)
    try:
        for text, ends_document in pieces:
            if lack and text:
                lack = BLANK if is_blank(text) else ""
            writer.add(text, ends_document=ends_document)
    except BaseException:
        writer.drop_from(before)
        raise
    if lack:
        writer.drop_from(before)
    if is_table and lack == EMPTY and source.read_so_far().bytes:
        lack = NO_RECORD
    return FileRead(source=source.read_so_far(), lack=lack, notes=tuple(notes), is_table=is_table)


def _format_of(head: str, path: Path, settings: CorpusSettings, has_layout: bool) -> str:
    """Return the format of a file that begins with `head`, by content, settings and name."""
    if settings.format == "text":
        return PLAIN
    named = format_by_name(path) if settings.format == "auto" else settings.format
    form = format_of(head, named, shown(path), has_layout)
    return CSV if form == PLAIN and has_layout and is_pipe(path) else form


class _Cutter:
    """Cuts a stream where documents end, which shows only when the next one begins.

    The whitespace at the end of what has come so far is therefore held back. Where there is too
    much of it, it is passed on, and only its line ends are remembered.
    """

    def __init__(self, borders: Literal["blank-line", "record"]) -> None:
        self.border, self.needed = BORDERS[borders]
        self.held = ""
        self.line_ends = 0  # of the whitespace before `held`
        self.has_begun = False

    def pieces(self, texts: Iterable[str]) -> Iterator[Piece]:
        for text in texts:
            whole = self.held + text
            body = len(whole.rstrip())
            self.held = whole[body:]
            if body:
                start = 0 if self.has_begun else _last_line(whole)
                for end, cut in self._cuts(whole, body):
                    yield Piece(whole[start:end], True)
                    start = cut
                yield Piece(whole[start:body], False)
                self.has_begun, self.line_ends = True, 0
            if len(self.held) > HELD_SPACE:  # but for a CR, which may be half of a line end
                gone = self.held.removesuffix("\r")
                self.held = self.held[len(gone) :]
                yield Piece(self._before_border(gone), False)
                self.line_ends += _count_line_ends(gone)
        yield Piece(
            re.split(LINE_END, self.held, maxsplit=1)[0] if self.has_begun else self.held, True
        )

    def _cuts(self, text: str, body: int) -> Iterator[tuple[int, int]]:
        """Yield where documents end in `text`, and where the next ones begin.

        The last visible character is before `body`.
        """
        first = len(text) - len(text.lstrip())
        if self.has_begun and self.line_ends + _count_line_ends(text[:first]) >= self.needed:
            yield len(self._before_border(text[:first])), _last_line(text)
        for border in self.border.finditer(text, first, body):
            yield border.start(), border.end()

    def _before_border(self, space: str) -> str:
        """Return what belongs to the document before of the whitespace behind it."""
        if not self.has_begun or self.line_ends + _count_line_ends(space) < self.needed:
            return space
        return "" if self.line_ends else re.split(LINE_END, space, maxsplit=1)[0]


def _last_line(text: str) -> int:
    """Return where the line of the first visible character begins."""
    first = len(text) - len(text.lstrip())
    return max(text.rfind("\n", 0, first), text.rfind("\r", 0, first)) + 1


def _count_line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")
