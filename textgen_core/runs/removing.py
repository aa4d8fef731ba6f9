"""Removes a run, or its checkpoints: only what textgen writes, so that nothing else can be lost.

run.toml goes last: whatever interrupts a removal, it can be repeated.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs

from textgen_core.errors import RunDirectoryError
from textgen_core.runs.directory import LOCK, NAMES, RunDirectory, find_run
from textgen_core.runs.files import file_errors
from textgen_core.runs.lock import writing
from textgen_core.runs.standing import disk_size

_FOLDERS = ("texts", "tensorboard", "wandb", "profile")  # of packs, trackers and profiles
_LAST = "run.toml"


@attrs.frozen(kw_only=True)
class Removed:
    """What was removed: so many bytes of the run at a path; left: names that are not a run's."""

    path: Path
    bytes: int
    left: tuple[str, ...] = ()


def remove(reference: str | os.PathLike[str], *, checkpoints: bool = False) -> Removed:
    """Remove a run.

    Args:
        reference: its directory, or a unique prefix of a name under runs/.
        checkpoints: only those; its figures, texts and report stay.

    Returns:
        How much was removed, and what stays since textgen did not write it.

    Raises:
        RunDirectoryError: it is no run, a link, is being written, or cannot be removed.
    """
    run = find_run(reference)
    if run.path.is_symlink():
        raise RunDirectoryError(
            f"{run.path} is a link, and a run is removed where it lies: {run.path.resolve()}.",
            "Allowed: the run's own directory, or to remove the link by hand.",
        )
    before = disk_size(run.path)
    with writing(run, lambda _: None):
        with file_errors(run.path, "written", "Its owner can remove it."):
            for path in (run.checkpoints, run.best) if checkpoints else _written(run):
                _remove(path)
        left = () if checkpoints else _left(run)
        if not checkpoints:
            with file_errors(run.configuration, "written"):
                _remove(run.configuration)
    if not checkpoints and not left:
        with file_errors(run.path, "written"):
            run.path.rmdir()
    return Removed(path=run.path, bytes=before - disk_size(run.path), left=left)


def _written(run: RunDirectory) -> Iterator[Path]:
    """Yield what is there of what textgen writes, but run.toml; a half-written file too."""
    with os.scandir(run.path) as entries:
        found = sorted(each.name for each in entries)
    for name in found:
        known = name.removeprefix(".").rpartition(".")[0] if name.startswith(".") else name
        if known in (*NAMES, *_FOLDERS) and name not in (_LAST, LOCK):
            yield run.path / name


def _left(run: RunDirectory) -> tuple[str, ...]:
    with file_errors(run.path, "read"), os.scandir(run.path) as entries:
        return tuple(sorted(each.name for each in entries if each.name not in (_LAST, LOCK)))


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder; no link is followed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)
