"""JSON, TOML and log files: each is written whole or not at all, logs a line at a time."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

from textgen_core.errors import DiskTooSmall, RunDirectoryError
from textgen_core.formatting import format_size
from textgen_core.runs import door
from textgen_core.runs.parsing import parse_json, parse_row, parse_toml

# What file systems answer that cannot flush, or not this: network shares, some of FUSE.
_NO_FLUSH = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
FREE_SPACE = "Free some space on its disk."  # what there is to do, unless a command helps
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SURROGATE = re.compile("[\ud800-\udfff]")


HASHES = "sha256"  # of other files by their names, in manifest.json and in a state.json


def recorded_hash(manifest: Path, name: str) -> str | None:
    """Return the SHA-256 that a manifest.json has of a file beside it.

    None where it knows none: that of an older run, or there is no manifest yet.
    """
    recorded = read_json(manifest) if door.is_there(manifest) else None
    hashes = recorded.get(HASHES) if isinstance(recorded, dict) else None
    found = hashes.get(name) if isinstance(hashes, dict) else None
    return None if found is None else str(found)


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that replaces `path` once it is whole, or not at all.

    It is flushed to the disk before it is renamed. Its permissions are those of any new file, and
    its name until then cannot be guessed. After an OSError, what was at `path` is unchanged.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            flush(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):  # on a read-only disk it says so, though there is nothing
            beside.unlink(missing_ok=True)
        raise


def flush(descriptor: int) -> bool:
    """Bring what was written to the disk itself; False where the file system cannot do that."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise
        return False
    return True


def flush_file(path: Path) -> bool:
    """Flush a file that was written by its path; False where the file system cannot do that."""
    with path.open("r+b") as file:  # Windows refuses to flush what is open for reading
        return flush(file.fileno())


def flush_folder(path: Path) -> bool:
    """Flush a folder, so that a new name in it lasts; False where the file system cannot do that.

    Windows opens no folder, and keeps new names on its own.
    """
    if os.name == "nt":
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # it may be written and not listed
        return False
    try:
        return flush(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; raises RunDirectoryError if that fails."""
    with file_errors(path, "written"), atomic_write(path) as file:
        file.write(text.encode("utf-8", errors="surrogatepass"))


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON; numbers that are not finite become null."""
    write_text(path, json_text(value, indent=2) + "\n")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a plain value as JSON that UTF-8 can encode; numbers that are not finite become null.

    A lone surrogate, as in a file name that is not UTF-8, is written as an escape.
    """
    text = json.dumps(finite(value), ensure_ascii=False, indent=indent)
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write_toml(path: Path, table: Mapping[str, Any]) -> None:
    """Write a table as TOML."""
    import tomli_w

    write_text(path, tomli_w.dumps(table))


def read_text(path: Path, within: Path | None = None) -> str:
    """Return a text file of a run; raises RunDirectoryError if it cannot be read.

    within: the folder of the run, for a file that does not lie in it directly.
    """
    try:
        with file_errors(path, "read"), door.open_to_read(path, within) as file:
            # A path that is not UTF-8 comes as surrogates, and run.toml keeps it; some editors
            # begin a file with a byte order mark.
            return file.read().decode("utf-8-sig", errors="surrogatepass")
    except UnicodeDecodeError as error:
        raise RunDirectoryError(f"{path} cannot be read: {error}.") from error


def hash_text(text: str) -> str:
    """Return the SHA-256 of a text file's bytes, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


def read_json(path: Path, within: Path | None = None) -> Any:
    """Return a JSON file's value; raises RunDirectoryError if it is missing or damaged."""
    text = read_text(path, within)
    try:
        return parse_json(text)
    except (ValueError, RecursionError) as error:
        raise RunDirectoryError(f"{path} cannot be read: {error}.") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table of a run's TOML file; raises RunDirectoryError if it cannot be read."""
    text = read_text(path)
    try:
        return parse_toml(text)
    except (ValueError, RecursionError) as error:
        raise RunDirectoryError(f"{path} cannot be read: {error}.") from error


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add a line to a log."""
    with file_errors(path, "written"), door.open_to_append(path) as file:
        file.write((json_text(row) + "\n").encode("utf-8"))


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a log; an unfinished last line, as a killed process leaves, is skipped.

    Raises RunDirectoryError if the file cannot be read, or a line before the last is damaged.
    """
    with file_errors(path, "read"):
        if not door.is_there(path):
            return
        with door.open_to_read(path) as file:
            for number, line in enumerate(file, start=1):
                if line == b"\n":
                    continue
                try:
                    row = parse_row(line, number)
                except (ValueError, RecursionError) as error:
                    if not line.endswith(b"\n"):  # a killed process may cut a character in two
                        return
                    place = f"{path}, line {number}"
                    advice = "Remove that line, or restore the file from a copy of the run."
                    raise RunDirectoryError(
                        f"{place}, is damaged: {error}.", advice=advice
                    ) from error
                yield row


def drop_rows_after(path: Path, step: int) -> None:
    """Keep the rows of a log up to a step: those after it belong to work that is lost."""
    if door.is_there(path):
        kept = [row for row in read_rows(path) if (row.get("step") or 0) <= step]
        write_text(path, "".join(json_text(row) + "\n" for row in kept))


def remove_folder(path: Path) -> None:
    """Remove a folder so that no part of it can be mistaken for a whole one."""
    going = path.with_name(f".{path.name}.going")
    path.replace(going)
    shutil.rmtree(going, ignore_errors=True)


def finite(value: Any) -> Any:
    """Return a plain value with every number that is not finite as None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return value


@contextmanager
def file_errors(path: Path, done: Literal["read", "written"], advice: str = "") -> Iterator[None]:
    """Turn an OSError while a file of a run is read or written into a RunDirectoryError.

    advice: the next step where it cannot be written; by default what suits the reason.
    """
    try:
        yield
    except OSError as error:
        if done == "read" and isinstance(error, FileNotFoundError):
            raise RunDirectoryError(f"{path} is missing.") from error
        problem = f"{path} cannot be {done}: {error.strerror or error}."
        raise RunDirectoryError(problem, advice=advice or _advise(error, done)) from error


def _advise(error: OSError, done: str) -> str:
    """Return the next step after a file could not be read, or written; empty if unknown."""
    if done == "read":
        is_closed = isinstance(error, PermissionError)
        return "Let its owner share the run: chmod -R a+rX RUN" if is_closed else ""
    if error.errno in _FULL:
        return FREE_SPACE
    return "Make it writable, or use a copy of the run that is: cp -r RUN COPY"


def check_space(folder: Path, needed: int, purpose: str, advice: str) -> None:
    """Raise DiskTooSmall unless `needed` bytes fit onto the disk of a folder, which may not exist.

    purpose: what takes the space, such as "The checkpoints of this run".
    """
    try:
        there = next(
            (each for each in (folder, *folder.absolute().parents) if each.exists()), folder
        )
        free = shutil.disk_usage(there).free
    except OSError:  # the system does not say
        return
    if needed > free:
        raise DiskTooSmall(
            f"{purpose} need about {format_size(needed)}, and {format_size(free)} are free on the "
            f"disk of {folder}.",
            advice=advice,
        )
