"""Which runs were made on this machine, and from which texts: notes in the user's state folder.

A run directory may come from anyone, and run.toml may name any file of whoever opens it. So the
paths in it are never read: what is read again are the paths in the note of a run, which only its
user writes, with `textgen run` or with `--corpus`. A note is found by the SHA-256 of manifest.json,
so it holds for a run that was moved or copied, and for none that was made elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from textgen_core.runs.cache import state_directory
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import is_there, open_to_read
from textgen_core.runs.files import atomic_write, write_json, write_toml

_LONGEST = 1 << 24  # bytes of a note; one names every path that `textgen run` was given
_IS_TEXT = attrs.validators.instance_of(str)
_MAY_BE_TEXT = attrs.validators.optional(_IS_TEXT)


@attrs.frozen(kw_only=True)
class Note:
    """What a run may read again, as absolute paths, and the trackers that its user asked for."""

    files: Sequence[str] = attrs.field(validator=attrs.validators.deep_iterable(_IS_TEXT))
    validation: str | None = attrs.field(default=None, validator=_MAY_BE_TEXT)
    test: str | None = attrs.field(default=None, validator=_MAY_BE_TEXT)
    trackers: Sequence[Mapping[str, Any]] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that it names."""
        return (*self.files, *filter(None, (self.validation, self.test)))


def write_note(run: RunDirectory, note: Note) -> bool:
    """Write the note of a run in place of an earlier one; return whether that could be done."""
    try:
        path = _path_of(run)
        if path is None:
            return False
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with atomic_write(path) as file:  # an earlier one stays, if the disk is full
            file.write(json.dumps(attrs.asdict(note)).encode())
        path.chmod(0o600)
    except OSError:
        return False
    return True


def read_note(run: RunDirectory) -> Note | None:
    """Return the note of a run, or None if it was not made here."""
    try:
        path = _path_of(run)
        if path is None or not _is_own(path):
            return None
        return Note(**json.loads(path.read_bytes()))
    except (OSError, TypeError, ValueError, RecursionError):
        return None


def write_manifest(run: RunDirectory, manifest: Mapping[str, Any]) -> None:
    """Write manifest.json, and let the note that was found by run.toml be found by it."""
    with _keeping_note(run):
        write_json(run.manifest, manifest)


def write_configuration(run: RunDirectory, table: Mapping[str, Any]) -> None:
    """Write run.toml anew, and let the note that was found by it before be found by it still."""
    with _keeping_note(run):
        write_toml(run.configuration, table)


@contextmanager
def _keeping_note(run: RunDirectory) -> Iterator[None]:
    note, before = read_note(run), _path_of(run)
    yield
    if note is not None and before != _path_of(run) and write_note(run, note) and before:
        before.unlink(missing_ok=True)


def _path_of(run: RunDirectory) -> Path | None:
    """Return where the note of a run lies; before it has a manifest, run.toml identifies it."""
    folder = state_directory()
    if folder is None:
        return None
    known_by = run.manifest if is_there(run.manifest) else run.configuration
    with open_to_read(known_by) as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return folder / "runs" / f"{digest}.json"


def _is_own(path: Path) -> bool:
    """Return whether a note was written by the user who reads it."""
    status = path.stat()
    is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return stat.S_ISREG(status.st_mode) and is_own and status.st_size <= _LONGEST
