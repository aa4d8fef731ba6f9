"""The bytes of a file, a named pipe or standard input, in blocks; size and SHA-256 on the way.

This module knows nothing about what the bytes are.
"""

from __future__ import annotations

import hashlib
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any

from textgen_core.corpus.reading.documents import SourceFile
from textgen_core.corpus.reading.files import STDIN, shown, unreadable
from textgen_core.errors import CorpusError
from textgen_core.runs.cache import cache_directory, cache_errors

BLOCK = 1 << 20  # bytes


class ByteSource:
    """Bytes that are read once from the start, or once more after `rewind`."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self._path = file, path
        self._start = file.tell() if file.seekable() else 0
        self._hash, self._size = hashlib.sha256(), 0

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes in blocks, of which only the last is short.

        Raises CorpusError if the system does not give them.
        """
        while block := self._next():
            self._hash.update(block)
            self._size += len(block)
            yield block

    def rewind(self) -> None:
        """Go back to the start; only a source that was opened to be read again can."""
        self._file.seek(self._start)
        self._hash, self._size = hashlib.sha256(), 0

    def read_so_far(self) -> SourceFile:
        """Return path, size and SHA-256 of what was read: of the file, once it is at its end."""
        name = STDIN if str(self._path) == STDIN else shown(self._path)
        return SourceFile(path=name, bytes=self._size, sha256=self._hash.hexdigest())

    def _next(self) -> bytes:
        try:
            return self._file.read(BLOCK)
        except (OSError, ValueError) as error:
            raise unreadable(self._path, error) from error


@contextmanager
def open_source(path: Path, *, to_read_again: bool = False) -> Iterator[ByteSource]:
    """Open a file, a named pipe or, for `-`, standard input.

    to_read_again: whether `rewind` will be called, for which a pipe is copied to a file first.
    Raises CorpusError if it cannot be opened.
    """
    with ExitStack() as stack:
        file: IO[bytes]
        if str(path) == STDIN:
            file = _standard_input()
        else:
            try:
                file = stack.enter_context(path.open("rb"))
            except (OSError, ValueError) as error:
                raise unreadable(path, error) from error
        if to_read_again and not file.seekable():
            file = stack.enter_context(_copy_of(file))
        yield ByteSource(file, path)


def is_pipe(path: Path) -> bool:
    """Return whether `path` is a named pipe or standard input, whose name tells nothing."""
    try:
        return str(path) == STDIN or stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False


def _standard_input() -> IO[bytes]:
    buffer: Any = getattr(sys.stdin, "buffer", None)
    if buffer is None:
        raise CorpusError(
            "There is no standard input to read.",
            "Allowed: a file, or a pipe into -.",
            "Name a file instead.",
        )
    return buffer  # type: ignore[no-any-return]


def _copy_of(pipe: IO[bytes]) -> IO[bytes]:
    folder = cache_directory()
    with cache_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        copy = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller closes it
        copyfileobj(pipe, copy, BLOCK)
        copy.seek(0)
    return copy
