"""A corpus as a value, and its documents outside of memory, read a piece at a time.

However large a corpus is, its text lies in an unnamed temporary file in the cache's folder, which
goes when the object does; a small one never reaches the disk. A split is a view of the same file.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar, overload

import attrs

from textgen_core.corpus.storage import Column, StoredBytes

PIECE = 1 << 20  # bytes that are read, or characters that are yielded, at once
ENCODING, ERRORS = "utf-8", "surrogatepass"  # lone surrogates stay until cleaning replaces them

Progress = Callable[[int, int], None]  # characters done, characters in all
Item = TypeVar("Item")


@attrs.frozen(kw_only=True)
class SourceFile:
    """A file that was read: its path as given, its size in bytes and their SHA-256."""

    path: str
    bytes: int
    sha256: str


@attrs.frozen(kw_only=True)
class Corpus:
    """The text of a run."""

    documents: Sequence[str]  # none empty; `StoredDocuments` once they were read or cleaned
    files: tuple[SourceFile, ...] = ()  # that they were read from
    notes: tuple[str, ...] = ()  # sentences on what was dropped, skipped or changed


class Piece(NamedTuple):
    """A part of a document, cut anywhere; `ends_document` says whether it is the last one."""

    text: str
    ends_document: bool


class StoredDocuments(Sequence[str]):
    """Documents in a file: of each, its first byte, the byte after its last, and its characters.

    As a sequence it gives whole documents; `pieces` yields a text of any size in bounded memory.
    """

    def __init__(self, file: StoredBytes, starts: Column, ends: Column, sizes: Column) -> None:
        self._file = file
        self._starts, self._ends, self.sizes = starts, ends, sizes

    @property
    def characters(self) -> int:
        """How many characters all documents have together."""
        return sum(self.sizes)

    def pieces(self) -> Iterator[Piece]:
        """Yield the documents in pieces of at most `PIECE` characters, an empty one as one."""
        for start, end in zip(self._starts, self._ends, strict=True):
            if end - start <= PIECE:
                yield Piece(self._file.read(start, end).decode(ENCODING, ERRORS), True)
            else:
                yield from self._pieces_between(start, end)

    def part(self, start: int, stop: int) -> StoredDocuments:
        """Return a view of the characters from `start` up to `stop`; documents are cut at these."""
        starts, ends, sizes = Column(), Column(), Column()
        first = 0
        columns = zip(self._starts, self._ends, self.sizes, strict=True)
        for place, (begin, end, size) in enumerate(columns):
            low, high = max(start - first, 0), min(stop - first, size)
            if low < high:
                starts.append(begin if low == 0 else self._byte_at(place, low))
                ends.append(end if high == size else self._byte_at(place, high))
                sizes.append(high - low)
            first += size
            if first >= stop:
                break
        return StoredDocuments(self._file, starts, ends, sizes)

    def chosen(self, places: Iterable[int]) -> StoredDocuments:
        """Return a view of the documents at `places`, in that order."""
        columns = (self._starts, self._ends, self.sizes)
        if isinstance(places, range) and places.step == 1:
            parts = [column.part(places.start, places.stop) for column in columns]
        else:
            listed = list(places)
            parts = [Column(column[place] for place in listed) for column in columns]
        return StoredDocuments(self._file, *parts)

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

    def _pieces_between(self, start: int, end: int) -> Iterator[Piece]:
        decoder = codecs.getincrementaldecoder(ENCODING)(ERRORS)
        for at in range(start, end, PIECE):
            last = at + PIECE >= end
            yield Piece(decoder.decode(self._file.read(at, min(at + PIECE, end)), last), last)

    def _byte_at(self, place: int, character: int) -> int:
        """Return where a document's character begins in the file."""
        start, end = self._starts[place], self._ends[place]
        if character == self.sizes[place]:
            return end
        if end - start == self.sizes[place]:  # every character is one byte
            return start + character
        for text, _ in self._pieces_between(start, end):
            start += len(text[:character].encode(ENCODING, ERRORS))
            character -= len(text)
            if character < 0:
                break
        return start


class DocumentWriter:
    """Takes documents piece by piece; raises ConfigurationError if the disk does not."""

    def __init__(self) -> None:
        self._file = StoredBytes()
        self._starts, self._ends, self._sizes = Column(), Column(), Column()
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

    def drop_from(self, place: int) -> None:
        """Forget the documents from `place` on, counted from 0, and the one that is begun."""
        for column in (self._starts, self._ends, self._sizes):
            column.cut(place)
        self._start, self._size = self._end, 0

    def __len__(self) -> int:
        """How many documents were ended."""
        return len(self._sizes)

    def documents(self) -> StoredDocuments:
        """Return what was taken; nothing can be added after."""
        self._write()
        return StoredDocuments(self._file, self._starts, self._ends, self._sizes)

    def _write(self) -> None:
        self._file.append(b"".join(self._waiting))
        self._waiting, self._waiting_bytes = [], 0


def store_documents(documents: Sequence[str]) -> StoredDocuments:
    """Return documents as stored ones; those that are stored already as they are."""
    if isinstance(documents, StoredDocuments):
        return documents
    writer = DocumentWriter()
    for document in documents:
        writer.add(document, ends_document=True)
    return writer.documents()


def iterate_pieces(documents: Iterable[str]) -> Iterator[Piece]:
    """Yield the pieces of documents, stored or not, in their order."""
    if isinstance(documents, StoredDocuments):
        yield from documents.pieces()
        return
    for document in documents:
        for start in range(0, max(len(document), 1), PIECE):
            yield Piece(document[start : start + PIECE], start + PIECE >= len(document))


def count_all_characters(documents: Sequence[str]) -> int:
    """Return how many characters all documents have together, without reading stored ones."""
    return sum(documents.sizes if isinstance(documents, StoredDocuments) else map(len, documents))


def report_progress(
    items: Iterable[Item],
    size: Callable[[Item], int],
    documents: Sequence[str],
    progress: Progress | None,
) -> Iterator[Item]:
    """Pass on parts of `documents`, and report how many of their characters are done."""
    total, done = count_all_characters(documents), 0
    for item in items:
        yield item
        done += size(item)
        if progress is not None:
            progress(done, total)
