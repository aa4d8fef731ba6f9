"""Compressed files, unpacked as a stream: gzip, and Zstandard where its library is installed.

However well a file is compressed, no more than a few blocks of it are in memory. This module knows
nothing about text, paths or folders.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from textgen_core.errors import CorpusError

PACKED_SUFFIXES = (".gz", ".zst")
GZIP, ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
PIECE = 1 << 20  # bytes that are given at once
GZIP_WINDOW = 31  # zlib's word for: the largest window, with gzip's header and trailer
SLICE = 512  # 4 bytes of Zstandard may stand for 128 KiB, so these for 16 MiB


def is_packed(head: bytes) -> bool:
    """Return whether data that begins so is unpacked by `unpacked`."""
    return head.startswith((GZIP, ZSTANDARD))


def unpacked(blocks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Yield what compressed data holds (RFC 1952, RFC 8878), and other data as it is.

    The first block tells which it is. Raises CorpusError if the data are damaged or end early, or
    if the library is not installed.
    """
    rest = iter(blocks)
    head = next(rest, b"")
    whole = chain((head,), rest)
    if head.startswith(GZIP):
        return _gzip(whole, name)
    return _zstandard(whole, name) if head.startswith(ZSTANDARD) else whole


def _gzip(blocks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Unpack one member after the other; zeros may stand behind each."""
    member, is_over = zlib.decompressobj(GZIP_WINDOW), False
    for block in blocks:
        data = block
        while data:
            if is_over:
                data = data.lstrip(b"\0")
                member, is_over = zlib.decompressobj(GZIP_WINDOW), not data
                continue
            try:
                yield member.decompress(data, PIECE)
            except zlib.error as error:
                raise _damaged(name, "gzip") from error
            is_over = member.eof
            data = member.unused_data if is_over else member.unconsumed_tail
    if not is_over:
        raise _damaged(name, "gzip")


def _zstandard(blocks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Unpack one frame after the other."""
    try:
        import zstandard
    except ModuleNotFoundError as error:
        raise CorpusError(
            f"{name} is compressed with zstd, which needs a library that is not installed.",
            "Allowed: plain text, gzip, and zstd with its library.",
            "Install it: pip install 'textgen-core[zstd]'",
        ) from error
    frame = zstandard.ZstdDecompressor().decompressobj()
    is_over = False
    for data in _slices(blocks, SLICE):
        while data:
            if is_over:
                frame = zstandard.ZstdDecompressor().decompressobj()
            try:
                yield from _slices((frame.decompress(data),), PIECE)
            except zstandard.ZstdError as error:
                raise _damaged(name, "zstd") from error
            is_over = frame.eof
            data = frame.unused_data if is_over else b""
    if not is_over:
        raise _damaged(name, "zstd")


def _slices(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), size):
            yield block[start : start + size]


def _damaged(name: str, kind: str) -> CorpusError:
    return CorpusError(
        f"{name} is compressed with {kind}, and damaged or cut off.",
        "Allowed: a whole file.",
        "Copy or download it once more.",
    )
