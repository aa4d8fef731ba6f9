"""Records brought together by a key: of one key they are a document, a line each, in their order.

Documents come in the order in which their first records did. Records of one document may stand
anywhere in a table of any size, so they are sorted outside of memory: what fills a buffer is
sorted and written to a file, and all such runs are merged as they are read. Memory holds the keys.
"""

from __future__ import annotations

import heapq
import io
import tempfile
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import IO, Any
from weakref import finalize

from textgen_core.corpus.documents import ENCODING, ERRORS, Piece
from textgen_core.runs.cache import cache_errors, usable_cache

BUFFER = 1 << 26  # characters that are sorted at once
READ = 1 << 16  # bytes of each run that are in memory while runs are merged

Message = tuple[int, str]  # the place of its document among all, and its text


class Conversations:
    """Takes texts with the key of their document; gives the documents when all were taken."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._waiting: list[Message] = []
        self._characters = 0
        self._file: IO[bytes] | None = None
        self._runs: list[tuple[int, int]] = []  # the first byte of each in the file, and its end

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self._places)

    def add(self, key: str, text: str) -> None:
        """Take the next text; raises ConfigurationError if the disk does not."""
        self._waiting.append((self._places.setdefault(key, len(self._places)), text))
        self._characters += len(text)
        if self._characters >= BUFFER:
            self._write_run()

    def pieces(self) -> Iterator[Piece]:
        """Yield the documents, in pieces."""
        last = sorted(self._waiting, key=itemgetter(0))  # stable, as the merge is
        runs = [*(self._read_run(start, end) for start, end in self._runs), iter(last)]
        merged = heapq.merge(*runs, key=itemgetter(0))
        for _, messages in groupby(merged, key=itemgetter(0)):
            between = ""
            for _, text in messages:
                yield Piece(between + text, False)
                between = "\n"
            yield Piece("", True)

    def _write_run(self) -> None:
        folder = usable_cache()
        with cache_errors(folder):
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed below
                finalize(self, self._file.close)
            start = self._file.tell()
            for place, text in sorted(self._waiting, key=itemgetter(0)):
                data = text.encode(ENCODING, ERRORS)
                self._file.write(b"%d %d\n" % (place, len(data)) + data)
            self._runs.append((start, self._file.tell()))
        self._waiting, self._characters = [], 0

    def _read_run(self, start: int, end: int) -> Iterator[Message]:
        assert self._file is not None
        run = io.BufferedReader(_Run(self._file, start, end), READ)
        while head := run.readline():
            place, size = map(int, head.split())
            yield place, run.read(size).decode(ENCODING, ERRORS)


class _Run(io.RawIOBase):
    """A part of a file that many read in turns."""

    def __init__(self, file: IO[bytes], start: int, end: int) -> None:
        self._file, self._at, self._end = file, start, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._at)
        data = self._file.read(min(len(buffer), self._end - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
