"""Bytes, and columns of whole numbers, that take bounded memory however many they are.

Few stay in memory; more lie in an unnamed file in the cache's folder, which goes when the object
does. Only the last block that was read is kept.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO
from weakref import finalize

from textgen_core.runs.cache import cache_errors, usable_cache

IN_MEMORY = 64 << 20  # bytes of a text that need no file
COLUMN_IN_MEMORY = 8 << 20  # bytes of a column that need none
BLOCK = 1 << 20  # bytes that are read at once
TOGETHER = 1 << 16  # numbers that are written, and read in their order, at once
_TYPE, _WIDTH = "q", 8


class StoredBytes:
    """Bytes in memory, or in an unnamed file once they are many."""

    def __init__(self, in_memory: int | None = None) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self._in_memory = IN_MEMORY if in_memory is None else in_memory
        self._folder = Path()  # of the file on disk
        self._size = 0
        self._block = b""
        self._block_start = 0

    def append(self, data: bytes) -> None:
        """Add bytes; raises ConfigurationError if the disk does not take them."""
        if isinstance(self._file, io.BytesIO) and self._size + len(data) > self._in_memory:
            self._move_to_disk()
        with cache_errors(self._folder):
            self._file.seek(self._size)
            self._file.write(data)
        self._size += len(data)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end`."""
        low = start - self._block_start
        if low < 0 or end - self._block_start > len(self._block):
            self._file.seek(start)
            self._block, self._block_start = self._file.read(max(end - start, BLOCK)), start
            low = 0
        return self._block[low : low + end - start]

    def cut(self, size: int) -> None:
        """Forget the bytes from `size` on."""
        self._size, self._block = size, b""

    def _move_to_disk(self) -> None:
        self._folder = usable_cache()
        with cache_errors(self._folder):
            file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed with this object
            finalize(self, file.close)
            self._file.seek(0)
            shutil.copyfileobj(self._file, file, BLOCK)
        self._file = file


class Column:
    """Whole numbers in their order."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._stored = StoredBytes(COLUMN_IN_MEMORY)
        self._written = 0
        self._waiting = array(_TYPE)
        for number in numbers:
            self.append(number)

    def append(self, number: int) -> None:
        """Add a number at the end."""
        self._waiting.append(number)
        if len(self._waiting) == TOGETHER:
            self._stored.append(self._waiting.tobytes())
            self._written += TOGETHER
            self._waiting = array(_TYPE)

    def cut(self, length: int) -> None:
        """Forget the numbers from place `length` on."""
        if length >= self._written:
            del self._waiting[length - self._written :]
            return
        self._written = length
        self._stored.cut(length * _WIDTH)
        self._waiting = array(_TYPE)

    def part(self, start: int, stop: int) -> Column:
        """Return the numbers of the places from `start` up to `stop`."""
        return Column(self._between(start, stop))

    def __len__(self) -> int:
        return self._written + len(self._waiting)

    def __getitem__(self, place: int) -> int:
        """Return the number at a place, which is counted from the end if it is negative."""
        place = range(len(self))[place]
        if place >= self._written:
            return self._waiting[place - self._written]
        return self._read(place, place + 1)[0]

    def __iter__(self) -> Iterator[int]:
        return self._between(0, len(self))

    def _between(self, start: int, stop: int) -> Iterator[int]:
        for first in range(start, min(stop, self._written), TOGETHER):
            yield from self._read(first, min(first + TOGETHER, stop, self._written))
        yield from self._waiting[max(0, start - self._written) : max(0, stop - self._written)]

    def _read(self, start: int, stop: int) -> array[int]:
        numbers = array(_TYPE)
        numbers.frombytes(self._stored.read(start * _WIDTH, stop * _WIDTH))
        return numbers
