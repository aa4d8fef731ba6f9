"""Programs in the cache, each under its key, and notes on what cannot become a program.

A program is bytes here. It is code for an interpreter that is not hardened, so that none is read
but from a file of this user or root in a folder to which others cannot write. Whatever is wrong
with the cache costs a conversion and a note, never the text: nothing here raises an OSError.

A file is the SHA-256 of its key and its content, then the content.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from textgen_core.runs.cache import (
    cache_directory,
    make_safe_folder,
    note_unkept,
    open_own,
    safe_folders,
)
from textgen_core.runs.files import atomic_write

FOLDER = "programs"
LIMIT = 2**30  # bytes; beyond them, what was used longest ago is removed
_PROGRAM = ".program"
_REFUSAL = ".refusal"
_DIGEST = hashlib.sha256().digest_size
_ABANDONED = 3600  # seconds after which nobody goes on writing a file


def find(key: str | None) -> bytes | None:
    """Return the program that was kept under a key; None if there is none, or it is damaged.

    None as the key: of what nothing is kept, see `keys`.
    """
    return _find(key, _PROGRAM)


def keep(key: str | None, program: bytes) -> None:
    """Keep a program under its key if the cache takes it; it replaces what was there."""
    _keep(key, _PROGRAM, program)


def find_refusal(key: str | None) -> str | None:
    """Return why there cannot be a program for a key, as it was kept; None if it is not known."""
    found = _find(key, _REFUSAL)
    return None if found is None else found.decode(errors="replace")


def keep_refusal(key: str | None, reason: str) -> None:
    """Keep that there cannot be a program for a key, and why, so that it is not tried again."""
    _keep(key, _REFUSAL, reason.encode(errors="replace"))


def _find(key: str | None, kind: str) -> bytes | None:
    if key is None:
        return None
    files = (folder / f"{key}{kind}" for folder in safe_folders(FOLDER))
    return next((found for path in files if (found := _read(path, key)) is not None), None)


def _read(path: Path, key: str) -> bytes | None:
    """Return what a file holds, and mark it as used; None, and no file, if it is damaged."""
    try:
        with open_own(path) as file:
            digest = os.read(file.fileno(), _DIGEST)  # past the buffer, so that all of
            content = file.read()  # the rest is read to where it stays
    except OSError:
        return None
    if digest != _digest(key, content):
        with suppress(OSError):
            path.unlink()
        return None
    with suppress(OSError):  # it may be root's, or on a disk that is read-only
        os.utime(path)
    return content


def _keep(key: str | None, kind: str, content: bytes) -> None:
    if key is None:
        return
    try:
        folder = make_safe_folder(FOLDER)
        path = folder / f"{key}{kind}"
        with atomic_write(path) as file:
            file.write(_digest(key, content))
            file.write(content)
            _close_to_others(file.fileno())
    except OSError as error:
        note_unkept(cache_directory() or Path("~"), error)
        return
    _make_room(folder, path)


def _close_to_others(descriptor: int) -> None:
    """Let others read a file at most, whatever new files of this user are like."""
    if hasattr(os, "fchmod"):
        with suppress(OSError):  # a file system without modes
            os.fchmod(descriptor, os.fstat(descriptor).st_mode & 0o755)


def _digest(key: str, content: bytes) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(content)
    return digest.digest()


def _make_room(folder: Path, kept: Path) -> None:
    """Remove what was used longest ago until the folder is within LIMIT, but never `kept`.

    Other processes may do the same at the same time.
    """
    total = 0
    for used, size, path in sorted(_files(folder), key=lambda each: (each[2] != kept, -each[0])):
        if path.name.startswith("."):  # another process writes it, or was killed when it did
            goes = time.time() - used > _ABANDONED
        else:
            total += size
            goes = total > LIMIT and path != kept
        if goes:
            with suppress(OSError):
                path.unlink()


def _files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield when each file was last used, its size and its path."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # it was removed meanwhile
                facts = entry.stat(follow_symlinks=False)
                yield facts.st_mtime, facts.st_size, folder / entry.name
