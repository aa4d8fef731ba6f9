"""The bytes of a file, a pipe or standard input in blocks, hashed on the way, and unpacked.

gzip is unpacked always, Zstandard where its library is installed. However well a file is
compressed, no more than a few blocks of it are in memory.
"""

from __future__ import annotations

import gzip
import hashlib
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any, cast

from textgen_core.corpus.documents import SourceFile
from textgen_core.corpus.reading.files import STDIN, is_kept, shown, unreadable
from textgen_core.errors import CorpusError
from textgen_core.runs.cache import cache_errors, usable_cache

BLOCK = 1 << 20  # bytes that are read, or unpacked, at once
GZIP, ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
GZIP_WINDOW = 31  # for zlib: the largest window, with gzip's header and trailer
# Bytes unpacked at once: a byte of gzip may stand for 1,032, 4 bytes of Zstandard for 128 KiB.
GZIP_SLICE, ZSTANDARD_SLICE = 1 << 12, 1 << 9


class ByteSource:
    """Bytes that are read once from the start, or once more after `rewind`."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self._path = file, path
        self._start = file.tell() if file.seekable() else 0
        self._hash, self._size = hashlib.sha256(), 0

    def blocks(self) -> Iterator[bytes]:
        """Yield the bytes in blocks; raises CorpusError if the system does not give them."""
        try:
            while block := self._file.read(BLOCK):
                self._hash.update(block)
                self._size += len(block)
                yield block
        except (OSError, ValueError, EOFError, zlib.error) as error:
            raise unreadable(self._path, error) from error

    def rewind(self) -> None:
        """Go back to the start; only a source that was opened to be read again can."""
        self._file.seek(self._start)
        self._hash, self._size = hashlib.sha256(), 0

    def read_so_far(self) -> SourceFile:
        """Return path, size and SHA-256 of what was read: of the file, once it is at its end."""
        name = STDIN if str(self._path) == STDIN else shown(self._path)
        return SourceFile(path=name, bytes=self._size, sha256=self._hash.hexdigest())


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
        if is_kept(path):
            file = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=file)))
        if to_read_again and not file.seekable():
            file = stack.enter_context(_copy_of(file))
        yield ByteSource(file, path)


def is_pipe(path: Path) -> bool:
    """Return whether `path` is a pipe or standard input, kept or not: its name tells nothing."""
    try:
        return str(path) == STDIN or is_kept(path) or stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False


def _standard_input() -> IO[bytes]:
    buffer: IO[bytes] | None = getattr(sys.stdin, "buffer", None)
    if buffer is None:
        allowed = "Allowed: a file, or a pipe into -."
        raise CorpusError("There is no standard input to read.", allowed, "Name a file instead.")
    return buffer


def _copy_of(pipe: IO[bytes]) -> IO[bytes]:
    folder = usable_cache()
    with cache_errors(folder):
        copy = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller closes it
        copyfileobj(pipe, copy, BLOCK)
        copy.seek(0)
    return copy


def unpack(blocks: Iterator[bytes], name: str) -> tuple[Iterator[bytes], bool]:
    """Return what compressed data holds (RFC 1952, RFC 8878) or other data is, and which it was.

    Raises CorpusError, here or later, if the data are damaged or the library is not installed.
    """
    head = next(blocks, b"")
    whole = chain((head,), blocks)
    if head.startswith(GZIP):
        new_member = partial(zlib.decompressobj, GZIP_WINDOW)
        slices = _slices(whole, GZIP_SLICE)
        return _unpack_members(
            slices, new_member, zlib.error, f"{name} is compressed with gzip"
        ), True
    if head.startswith(ZSTANDARD):
        problem = f"{name} is compressed with zstd"
        try:
            import zstandard
        except ModuleNotFoundError as error:
            raise CorpusError(
                f"{problem}, which needs a library that is not installed.",
                "Allowed: plain text, gzip, and zstd with its library.",
                "Install it: pip install 'textgen-core[zstd]'",
            ) from error
        new_frame = zstandard.ZstdDecompressor().decompressobj
        slices = _slices(whole, ZSTANDARD_SLICE)
        return _unpack_members(slices, new_frame, zstandard.ZstdError, problem), True
    return whole, False


def _unpack_members(
    slices: Iterable[bytes], new: Callable[[], Any], fault: type[Exception], problem: str
) -> Iterator[bytes]:
    """Unpack one gzip member, or Zstandard frame, after the other; zeros may stand behind each."""
    member, is_over = new(), False
    try:
        for data in slices:
            while data := data.lstrip(b"\0") if is_over else data:
                member = new() if is_over else member
                yield from _slices((member.decompress(data),), BLOCK)
                is_over = member.eof
                data = member.unused_data if is_over else b""
        if not is_over:
            raise EOFError
    except (fault, EOFError) as error:
        raise CorpusError(
            f"{problem}, and damaged or cut off.",
            "Allowed: a whole file.",
            "Copy or download it once more.",
        ) from error


def _slices(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), size):
            yield block[start : start + size]
