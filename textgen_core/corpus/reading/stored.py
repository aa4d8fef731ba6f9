"""Documents kept outside of memory: one file of UTF-8 text, read piece by piece.

However large a corpus is, its text lies in an unnamed temporary file, in the folder of the token
cache, and is gone with the object; a small one never reaches the disk. A split is a view of the
same file. This module knows nothing about where a text comes from or how it is cleaned.
"""

from __future__ import annotations

import codecs
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, overload
from weakref import finalize

from textgen_core.runs.cache import cache_directory, cache_errors

IN_MEMORY = 64 << 20  # bytes of a text that need no file
PIECE = 1 << 20  # bytes that are read, or characters that are given, at once
ENCODING, ERRORS = "utf-8", "surrogatepass"  # cleaning replaces lone surrogates; they come so far


Progress = Callable[[int, int], None]  # characters done, characters in all


class Piece(NamedTuple):
    """A part of a document, cut anywhere; `ends_document` says whether it is the last one."""

    text: str
    ends_document: bool


class StoredDocuments(Sequence[str]):
    """Documents in a file, each a stretch of its bytes, of which the number of characters is known.

    As a sequence it gives whole documents; `pieces` gives a text of any size in bounded memory.
    """

    def __init__(
        self, file: _File, starts: array[int], ends: array[int], sizes: array[int]
    ) -> None:
        """Take the stretches of `file`: first byte, byte after the last, and characters of each."""
        self._file = file
        self._starts, self._ends, self._sizes = starts, ends, sizes

    @property
    def characters(self) -> int:
        """How many characters all documents have together."""
        return sum(self._sizes)

    def pieces(self) -> Iterator[Piece]:
        """Yield the documents one after the other in pieces of at most `PIECE` characters.

        An empty document is one empty piece.
        """
        for start, end in zip(self._starts, self._ends, strict=True):
            if end - start <= PIECE:
                yield Piece(self._file.read(start, end).decode(ENCODING, ERRORS), True)
            else:
                yield from self._long_pieces(start, end)

    def part(self, start: int, stop: int) -> StoredDocuments:
        """Return the documents of the characters from `start` up to `stop`, counted over all.

        A document that crosses a border is cut there. The view shares the file.
        """
        starts, ends, sizes = array("q"), array("q"), array("q")
        first = 0
        for place, size in enumerate(self._sizes):
            low, high = max(start - first, 0), min(stop - first, size)
            if low < high:
                starts.append(self._byte_at(place, low))
                ends.append(self._byte_at(place, high))
                sizes.append(high - low)
            first += size
            if first >= stop:
                break
        return StoredDocuments(self._file, starts, ends, sizes)

    def chosen(self, places: Iterable[int]) -> StoredDocuments:
        """Return a view of the documents at `places`, in that order."""
        listed = list(places)
        columns = (self._starts, self._ends, self._sizes)
        parts = [array("q", [column[place] for place in listed]) for column in columns]
        return StoredDocuments(self._file, *parts)

    def sizes(self) -> Sequence[int]:
        """Return how many characters each document has."""
        return self._sizes

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> StoredDocuments: ...
    def __getitem__(self, place: int | slice) -> str | StoredDocuments:
        if isinstance(place, slice):
            return self.chosen(range(len(self))[place])
        return self._file.read(self._starts[place], self._ends[place]).decode(ENCODING, ERRORS)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} documents of {self.characters} characters>"

    def _long_pieces(self, start: int, end: int) -> Iterator[Piece]:
        decoder = codecs.getincrementaldecoder(ENCODING)(ERRORS)
        for at in range(start, end, PIECE):
            last = at + PIECE >= end
            yield Piece(decoder.decode(self._file.read(at, min(at + PIECE, end)), last), last)

    def _byte_at(self, place: int, character: int) -> int:
        """Return where a document's character begins in the file."""
        if character == self._sizes[place]:
            return self._ends[place]
        start, end = self._starts[place], self._ends[place]
        if end - start == self._sizes[place]:
            return start + character
        done = 0
        for text, _ in self._long_pieces(start, end):
            if done + len(text) > character:
                return start + len(text[: character - done].encode(ENCODING, ERRORS))
            done += len(text)
            start += len(text.encode(ENCODING, ERRORS))
        return end


class DocumentWriter:
    """Takes documents piece by piece, and gives them back as `StoredDocuments`.

    Raises ConfigurationError if the disk does not take them.
    """

    def __init__(self) -> None:
        self._file = _File()
        self._starts, self._ends, self._sizes = array("q"), array("q"), array("q")
        self._start = self._end = self._size = 0
        self._waiting: list[bytes] = []  # many small documents are one large write
        self._waiting_bytes = 0

    def add(self, text: str, *, ends_document: bool) -> None:
        """Take the next piece of the present document."""
        data = text.encode(ENCODING, ERRORS)
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= PIECE:
            self._write()
        self._end += len(data)
        self._size += len(text)
        if ends_document:
            self._starts.append(self._start)
            self._ends.append(self._end)
            self._sizes.append(self._size)
            self._start, self._size = self._end, 0

    def drop(self) -> None:
        """Forget the last document that was ended."""
        for column in (self._starts, self._ends, self._sizes):
            column.pop()

    def documents(self) -> StoredDocuments:
        """Return what was taken; nothing can be added after."""
        self._write()
        return StoredDocuments(self._file, self._starts, self._ends, self._sizes)

    def _write(self) -> None:
        self._file.append(b"".join(self._waiting))
        self._waiting, self._waiting_bytes = [], 0


def store_documents(documents: Iterable[str]) -> StoredDocuments:
    """Return whole documents as stored ones."""
    writer = DocumentWriter()
    for document in documents:
        writer.add(document, ends_document=True)
    return writer.documents()


def stored(documents: Sequence[str]) -> StoredDocuments:
    """Return documents as stored ones, those that are so already as they are."""
    return documents if isinstance(documents, StoredDocuments) else store_documents(documents)


def iterate_pieces(documents: Iterable[str]) -> Iterator[Piece]:
    """Yield the pieces of documents, stored or not, in their order."""
    if isinstance(documents, StoredDocuments):
        yield from documents.pieces()
        return
    for document in documents:
        for start in range(0, max(len(document), 1), PIECE):
            stop = start + PIECE
            yield Piece(document[start:stop], stop >= len(document))


def follow_pieces(documents: Sequence[str], progress: Progress | None = None) -> Iterator[Piece]:
    """Yield the pieces of documents, and tell `progress` the characters done, and those in all."""
    total, done = count_all_characters(documents), 0
    for piece in iterate_pieces(documents):
        yield piece
        done += len(piece.text)
        if progress is not None:
            progress(done, total)


def count_all_characters(documents: Sequence[str]) -> int:
    """Return how many characters all documents have together, without reading stored ones."""
    if isinstance(documents, StoredDocuments):
        return documents.characters
    return sum(map(len, documents))


class _File:
    """Bytes in memory, or in an unnamed file once they are many; the last block read is kept."""

    def __init__(self) -> None:
        self._folder = cache_directory()
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(self._folder))  # noqa: SIM115
        finalize(self, self._file.close)
        self._size = 0
        self._block = b""
        self._block_start = 0

    def append(self, data: bytes) -> None:
        with cache_errors(self._folder):
            if self._size <= IN_MEMORY < self._size + len(data):
                self._folder.mkdir(parents=True, exist_ok=True)
            self._file.seek(self._size)
            self._file.write(data)
        self._size += len(data)

    def read(self, start: int, end: int) -> bytes:
        low = start - self._block_start
        if low < 0 or end - self._block_start > len(self._block):
            self._file.seek(start)
            self._block, self._block_start = self._file.read(max(end - start, PIECE)), start
            low = 0
        return self._block[low : low + end - start]
