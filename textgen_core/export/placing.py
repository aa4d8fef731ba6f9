"""Where an export is written: whole or not at all, and over nothing that was not one before."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from textgen_core.errors import RunDirectoryError, TextgenError, UsageError
from textgen_core.formatting import shell_word
from textgen_core.runs.files import FREE_SPACE, flush_file, flush_folder

MARK = "model.json"  # what every folder has that is an export
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ELSEWHERE = "Name another place: --out PATH"


def check_free(path: Path, *, is_folder: bool, force: bool) -> None:
    """Raise UsageError unless something can be written to a path, before it is computed.

    force: whether what is there may be replaced: a file by a file, an export by an export.
    """
    if not path.parent.is_dir():
        raise _refused(path, f"there is no folder {path.parent}", "Allowed: a folder that exists.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _refused(path, f"{path.parent} cannot be written", "Allowed: a folder of your own.")
    if not os.path.lexists(path) or (is_folder and _is_empty(path)):
        return
    is_export = path.is_dir() and not path.is_symlink() and (path / MARK).is_file()
    if is_folder and not is_export:
        problem = "something else is there"
        raise _refused(path, problem, "Allowed: a new folder, or one that export has written.")
    if not is_folder and path.is_dir():
        raise _refused(path, "it is a folder", "Allowed: a file in a folder that exists.")
    if not force:
        advice = f"Replace it with --force, or name another place: --out {shell_word(path)}-2"
        raise _refused(path, "it is there already", advice=advice)


@contextmanager
def whole_or_not_at_all(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write a file or a folder to, which takes its place in the end.

    Raises TextgenError if that fails; what was there is then unchanged.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        yield beside
        _flush(beside)
        _put(beside, path)
    except (OSError, RunDirectoryError) as error:
        reason = error if isinstance(error, OSError) else error.__cause__
        is_own = isinstance(error, OSError) or str(beside) in error.problem
        if not is_own or not isinstance(reason, OSError):
            raise  # of the run that is read
        advice = FREE_SPACE if reason.errno in _FULL else _ELSEWHERE
        problem = f"{path} cannot be written: {reason.strerror or reason}."
        raise TextgenError(problem, "Nothing was written.", advice) from error
    finally:
        _remove(beside)


def files_of(path: Path) -> dict[str, int]:
    """Return the sizes of a file, or of those in a folder, by their names."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    start = path.parent if path.is_file() else path
    return {each.relative_to(start).as_posix(): each.stat().st_size for each in files}


def _refused(path: Path, problem: str, allowed: str = "", advice: str = _ELSEWHERE) -> UsageError:
    return UsageError(f"The export cannot be written to {path}: {problem}.", allowed, advice)


def _is_empty(path: Path) -> bool:
    try:
        return path.is_dir() and not path.is_symlink() and not any(path.iterdir())
    except OSError:
        return False


def _flush(path: Path) -> None:
    if path.is_file():
        flush_file(path)
        return
    for each in path.iterdir():
        flush_file(each)
    flush_folder(path)


def _put(beside: Path, path: Path) -> None:
    """Rename to `path`; a folder that is there goes only once the new one has its name."""
    if not path.is_dir():
        beside.replace(path)
        return
    before = path.with_name(f".{path.name}.{secrets.token_hex(8)}.before")
    path.rename(before)
    try:
        beside.rename(path)
    except OSError:
        before.rename(path)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
