"""The folder for what can be rebuilt: token files, and texts too large for memory.

It is TEXTGEN_CACHE, else the user's cache folder, and a temporary one where there is no home or it
cannot be written, as in containers. Nothing is made before something is to be kept in it. Another
folder is for notes on the runs made here, which cannot be rebuilt.
"""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

import platformdirs

from textgen_core.errors import ConfigurationError
from textgen_core.formatting import expand_home

CACHE_VARIABLE = "TEXTGEN_CACHE"
STATE_VARIABLE = "TEXTGEN_STATE"
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_said: set[str] = set()  # why a temporary folder is used
_unsaid: list[str] = []  # likewise, until somebody has asked for it


def cache_directory() -> Path | None:
    """Return the folder that TEXTGEN_CACHE names, else the user's; None: there is no home."""
    if named := os.environ.get(CACHE_VARIABLE):
        return expand_home(named)
    with suppress(RuntimeError):
        found = platformdirs.user_cache_path("textgen", appauthor=False)
        if found.is_absolute():  # older versions leave `~` in it
            return found
    return None


def usable_cache() -> Path:
    """Return the cache folder, made where it is missing and known to be writable.

    Where the user's own is not, that is a temporary folder, which goes with the process; see
    `cache_note`. Raises ConfigurationError if the folder that TEXTGEN_CACHE names cannot be
    written, or none can.
    """
    folder = cache_directory()
    if os.environ.get(CACHE_VARIABLE):
        assert folder is not None
        with cache_errors(folder):
            if str(folder).startswith("~"):
                raise FileNotFoundError(errno.ENOENT, "there is no such home directory")
            _try(folder)
        return folder
    if folder is None:
        return _temporary_folder("There is no home directory for a cache")
    try:
        _try(folder)
    except OSError as error:
        why = f"The cache {folder} cannot be written ({error.strerror or error})"
        return _temporary_folder(why)
    return folder


def cache_note() -> str:
    """Return what there is to say about a temporary cache, once in a process; else nothing."""
    return _unsaid.pop() if _unsaid else ""


def note_unkept(folder: Path, error: OSError) -> None:
    """Let `cache_note` say, once in a process, that what was made is not kept, and why."""
    if "unkept" not in _said:
        _said.add("unkept")
        _unsaid.append(
            f"{folder} cannot be written ({error.strerror or error}): what was made for this run "
            f"is made again next time. To keep it, set {CACHE_VARIABLE} to a folder."
        )


def private_folder(folder: Path) -> Path:
    """Return a folder within a cache that other users share, for the files of this user alone."""
    if not hasattr(os, "getuid"):
        return folder
    own = _private_name(folder)
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        if own.lstat().st_uid == os.getuid() and is_safe_folder(own):
            return own
    except OSError:
        pass
    return _temporary_folder(f"The cache {folder} belongs to other users")


def safe_folders(name: str) -> list[Path]:
    """Return the folders `name` of the cache whose files may be code: see `is_safe_folder`.

    Nothing is made, and nothing written to find out.
    """
    cache = cache_directory()
    if cache is None:
        return []
    return [each / name for each in (cache, _private_name(cache)) if is_safe_folder(each / name)]


def make_safe_folder(name: str) -> Path:
    """Return the folder `name` of the cache, to which this user alone writes.

    Where it is another user's, that is one within the folder of this user. Raises OSError if it
    cannot be made.
    """
    cache = cache_directory()
    if cache is None or str(cache).startswith("~"):
        raise FileNotFoundError(errno.ENOENT, "there is no such home directory", str(cache or "~"))
    cache.mkdir(parents=True, exist_ok=True)
    private = _private_name(cache)
    for folder, parent in ((cache / name, cache), (private / name, private)):
        with suppress(FileExistsError):
            parent.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o755)
        if is_safe_folder(folder) and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise PermissionError(errno.EACCES, "it belongs to other users")


def is_safe_folder(folder: Path) -> bool:
    """Return whether there is a folder, no link to one, to which others cannot write."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and _is_trusted(found) and not _others_write(found)


def is_foreign(path: Path) -> bool:
    """Return whether something is at a path that another user, who is not root, put there."""
    try:
        return not _is_trusted(path.lstat())
    except OSError:
        return False


def open_own(path: Path) -> BinaryIO:
    """Open a file of the cache; raises OSError unless it is a plain one of this user, or root's.

    Whoever may write to a shared cache could offer others any tokens to train on.
    """
    descriptor = os.open(path, _FLAGS)
    file = os.fdopen(descriptor, "rb")
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or not _is_trusted(found):
        file.close()
        raise PermissionError(errno.EPERM, "it is another user's, or no file")
    return file


def state_directory() -> Path | None:
    """Return the folder that TEXTGEN_STATE names, else the user's state folder; None: no home."""
    if named := os.environ.get(STATE_VARIABLE):
        found = expand_home(named)
        return found if found.is_absolute() else None
    with suppress(RuntimeError):
        found = platformdirs.user_state_path("textgen", appauthor=False)
        return found if found.is_absolute() else None
    return None


@contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError while writing to `folder` into a ConfigurationError."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"The cache {folder} cannot be written: {error.strerror or error}.",
            advice=f"Name a folder that can: set {CACHE_VARIABLE} to it.",
        ) from error


def _is_trusted(found: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or found.st_uid in (os.getuid(), 0)


def _others_write(found: os.stat_result) -> bool:
    return hasattr(os, "getuid") and bool(found.st_mode & 0o022)


def _private_name(folder: Path) -> Path:
    return folder / f"of-{os.getuid()}" if hasattr(os, "getuid") else folder


def _try(folder: Path) -> None:
    """Raise OSError unless a folder can be made, and a file in it; permissions do not tell."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()


def _temporary_folder(why: str) -> Path:
    """Return a folder of this process's own, which is removed at its end."""
    try:
        folder = _make_temporary()
    except OSError as error:
        raise ConfigurationError(
            f"{why}, nor can a temporary one: {error.strerror or error}.",
            advice=f"Name a folder that can: set {CACHE_VARIABLE} to it.",
        ) from error
    if why not in _said:
        _said.add(why)
        _unsaid.append(
            f"{why}: what would be kept there goes to {folder} until the end. To keep it, set "
            f"{CACHE_VARIABLE} to a folder."
        )
    return folder


@cache
def _make_temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="textgen-"))
    atexit.register(partial(shutil.rmtree, folder, ignore_errors=True))
    return folder
