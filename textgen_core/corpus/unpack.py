"""Compressed files, unpacked in memory: gzip, and Zstandard where its library is installed.

This module knows nothing about text, paths or folders.
"""

from __future__ import annotations

import gzip
import zlib

from textgen_core.errors import CorpusError

PACKED_SUFFIXES = (".gz", ".zst")
GZIP, ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def is_packed(head: bytes) -> bool:
    """Return whether data that begins so is unpacked by `unpacked`."""
    return head.startswith((GZIP, ZSTANDARD))


def unpacked(data: bytes, name: str) -> bytes:
    """Return what compressed data holds (RFC 1952, RFC 8878), and other data as it is.

    Raises CorpusError if the data are damaged or end early, or if the library is not installed.
    """
    if data.startswith(GZIP):
        return _gzip(data, name)
    return _zstandard(data, name) if data.startswith(ZSTANDARD) else data


def _gzip(data: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise _damaged(name, "gzip") from error


def _zstandard(data: bytes, name: str) -> bytes:
    try:
        import zstandard
    except ModuleNotFoundError as error:
        raise CorpusError(
            f"{name} is compressed with zstd, which needs a library that is not installed.",
            "Allowed: plain text, gzip, and zstd with its library.",
            "Install it: pip install 'textgen-core[zstd]'",
        ) from error
    parts = []
    while data:  # a file may hold several frames, one after the other
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            parts.append(frame.decompress(data))
        except zstandard.ZstdError as error:
            raise _damaged(name, "zstd") from error
        if not frame.eof:
            raise _damaged(name, "zstd")
        data = frame.unused_data
    return b"".join(parts)


def _damaged(name: str, kind: str) -> CorpusError:
    return CorpusError(
        f"{name} is compressed with {kind}, and damaged or cut off.",
        "Allowed: a whole file.",
        "Copy or download it once more.",
    )
