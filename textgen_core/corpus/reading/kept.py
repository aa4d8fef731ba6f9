"""Texts that can be read only once, kept for whoever reads a run again.

What standard input or a pipe gave lies compressed in the cache, named by the SHA-256 of its bytes.
"""

from __future__ import annotations

import gzip
import os
import stat
import tempfile
from functools import cache
from pathlib import Path

import attrs

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.reading.files import STDIN, kept_name
from textgen_core.corpus.reading.source import open_source
from textgen_core.runs.cache import cache_directory, cache_errors

_FOLDER = "texts"
_LEVEL = 1  # of gzip: it keeps up with a disk
_STDIN_NAMES = (STDIN, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")  # what they name differs from process to process


def is_stdin(path: str | Path) -> bool:
    """Return whether a path is `-`, or another name of standard input."""
    return str(path) in _STDIN_NAMES


def is_read_once(path: str | Path) -> bool:
    """Return whether a path is standard input or a pipe, which cannot be read again later."""
    if is_stdin(path) or str(path).startswith(_DESCRIPTORS):
        return True
    try:
        return stat.S_ISFIFO(Path(path).stat().st_mode)
    except (OSError, ValueError):  # whoever reads it says what is wrong
        return False


def keep_streams(settings: CorpusSettings) -> CorpusSettings:
    """Return the settings with every stream replaced by a file that holds what it gave.

    Raises CorpusError if a stream cannot be read. Where the cache cannot be written, it stays.
    """
    keep_one = cache(_keep)  # standard input may be named twice

    def keep(path: str | Path) -> str:
        return keep_one(STDIN) if is_stdin(path) else keep_one(str(path))

    return attrs.evolve(
        settings,
        files=tuple(keep(file) for file in settings.files),
        validation=settings.validation and Path(keep(settings.validation)),
        test=settings.test and Path(keep(settings.test)),
    )


def _keep(path: str) -> str:
    if not is_read_once(path):
        return path
    cache_folder = cache_directory()
    if cache_folder is None:
        return path
    folder = cache_folder / _FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder)
    except OSError:
        return path
    kind = "stdin" if path == STDIN else "pipe"
    try:
        with os.fdopen(descriptor, "wb") as raw, open_source(Path(path)) as source:
            with cache_errors(folder), gzip.GzipFile("", "wb", _LEVEL, raw, 0) as file:
                for block in source.blocks():
                    file.write(block)
            digest = source.read_so_far().sha256
        kept = folder / kept_name(digest, kind)
        with cache_errors(folder):
            Path(name).replace(kept)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return str(kept)
