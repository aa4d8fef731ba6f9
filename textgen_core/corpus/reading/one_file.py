"""Reads one file: its bytes, unpacked and decoded, become documents, all of them or none.

A bad byte may stand at the end of a gigabyte, so what a file has given is taken back if it fails.
This module knows nothing about folders or other files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.reading.decode import AUTO, Undecodable, decode_blocks
from textgen_core.corpus.reading.documents import SourceFile, is_blank, split_documents
from textgen_core.corpus.reading.files import STDIN, shown
from textgen_core.corpus.reading.source import ByteSource, is_pipe, open_source
from textgen_core.corpus.reading.stored import DocumentWriter, Piece
from textgen_core.corpus.reading.tables import read_records, table_suffix
from textgen_core.corpus.reading.unpack import is_packed, unpacked
from textgen_core.errors import CorpusError

# Why there is no document of a file, as a note and as a sentence.
LACKS = {
    "empty": "is empty",
    "only whitespace": "holds only whitespace",
    "no text in its column": "holds no text in its column",
}
EMPTY, BLANK, NO_RECORD = LACKS
TELLABLE = "Allowed with corpus.encoding=auto: text whose encoding can be told."
NAME_IT = "Leave the file out, or name its encoding: --set corpus.encoding=..."


@attrs.frozen(kw_only=True)
class FileRead:
    """A file whose documents were taken.

    source tells of the file as it lies there, compressed or not. lack: why there is no document of
    it, or nothing. encoding: the one that was guessed, or nothing.
    """

    source: SourceFile
    lack: str = ""
    notes: tuple[str, ...] = ()
    encoding: str = ""


def read_file(path: Path, settings: CorpusSettings, writer: DocumentWriter) -> FileRead:
    """Give `writer` the documents of one file, or of standard input for `-`; all, or none.

    Raises CorpusError if it cannot be read or is not text in the encoding; it may be empty.
    """
    guessed = settings.encoding == AUTO
    with open_source(path, to_read_again=guessed) as source:
        if not guessed:
            return _read_as(settings.encoding, path, source, settings, writer)
        try:
            return _read_as("utf-8", path, source, settings, writer)
        except Undecodable as error:
            if not error.guess:
                raise CorpusError(
                    f"{error.problem.removesuffix('.')}, nor does it look like another encoding.",
                    TELLABLE,
                    NAME_IT,
                ) from error
            source.rewind()
            return _read_as_guessed(error.guess, path, source, settings, writer)


def _read_as_guessed(
    guess: str, path: Path, source: ByteSource, settings: CorpusSettings, writer: DocumentWriter
) -> FileRead:
    try:
        file = _read_as(guess, path, source, settings, writer)
    except Undecodable as error:
        raise CorpusError(
            f"{error.problem.removesuffix('.')}, though it looks like it, nor is it utf-8.",
            TELLABLE,
            NAME_IT,
        ) from error
    return attrs.evolve(file, encoding=guess)


def _read_as(
    encoding: str, path: Path, source: ByteSource, settings: CorpusSettings, writer: DocumentWriter
) -> FileRead:
    name, notes = shown(path), list[str]()
    if is_pipe(path) and str(path) != STDIN:
        notes.append(f"{name} is a pipe: a later resume or evaluate needs the same text in it.")
    suffix = table_suffix(path)
    is_table = bool(suffix) or (settings.column is not None and is_pipe(path))
    texts = _texts_of(source, encoding, name, notes)
    draft = _Draft(writer)
    try:
        if is_table:
            records = read_records(texts, suffix, settings.column, name, notes)
            draft.take(Piece(text, True) for text in records)
        else:
            draft.take(split_documents(texts, settings.documents))
    except BaseException:
        draft.undo()
        raise
    lack = draft.lack
    if lack:
        draft.undo()
    if is_table and lack == EMPTY and source.read_so_far().bytes:
        lack = NO_RECORD
    return FileRead(source=source.read_so_far(), lack=lack, notes=tuple(notes))


def _texts_of(source: ByteSource, encoding: str, name: str, notes: list[str]) -> Iterator[str]:
    blocks = source.blocks()
    head = next(blocks, b"")
    subject = f"{name}, unpacked," if is_packed(head) else name
    data = unpacked(_joined(head, blocks), name)
    return decode_blocks(data, encoding, name, notes, subject=subject)


def _joined(head: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from blocks


class _Draft:
    """The documents of one file in a writer, which are undone if the file turns out to be unfit."""

    def __init__(self, writer: DocumentWriter) -> None:
        self._writer = writer
        self._ended = 0
        self._is_open = False
        self.lack = EMPTY

    def take(self, pieces: Iterable[Piece]) -> None:
        for text, ends_document in pieces:
            if self.lack and text:
                self.lack = BLANK if is_blank(text) else ""
            self._writer.add(text, ends_document=ends_document)
            self._ended += ends_document
            self._is_open = not ends_document

    def undo(self) -> None:
        if self._is_open:
            self._writer.add("", ends_document=True)
            self._ended += 1
        for _ in range(self._ended):
            self._writer.drop()
        self._ended, self._is_open = 0, False
