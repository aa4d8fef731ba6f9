"""The texts of runs as files: found by their SHA-256, wherever they lie, or by their names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import expand_home
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json


def recorded_files(run: RunDirectory) -> list[tuple[str, str]]:
    """Return path and SHA-256 of each text that manifest.json names, in their order.

    Raises RunDirectoryError if it is missing or damaged.
    """
    manifest = read_json(run.manifest)
    try:
        return [(str(each["path"]), str(each["sha256"])) for each in manifest["corpus"]]
    except (LookupError, TypeError) as error:
        raise RunDirectoryError(f"{run.manifest} is damaged: its corpus cannot be read.") from error


def trained_on(paths: Sequence[Path], corpus: str | os.PathLike[str]) -> list[Path]:
    """Return the runs that were trained on a text.

    corpus: its file, or a folder of which any file counts, by their hashes; else, or where none was
    trained on these bytes, a part of its name, in any case.
    """
    files: Mapping[Path, list[tuple[str, str]]] = {path: _recorded(path) for path in paths}
    hashes = {hash_of(path) for path in files_below([corpus])} - {""}
    found = [path for path, texts in files.items() if hashes & {sha256 for _, sha256 in texts}]
    name = os.fspath(corpus).casefold()
    name = Path(name).name if hashes else name
    return found or [
        path for path, texts in files.items() if any(name in each.casefold() for each, _ in texts)
    ]


def _recorded(path: Path) -> list[tuple[str, str]]:
    try:
        return recorded_files(RunDirectory(path))
    except RunDirectoryError:
        return []


def files_below(places: Sequence[str | os.PathLike[str]]) -> Iterator[Path]:
    """Yield the regular files that some paths are, or that lie below them."""
    for place in map(expand_home, places):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                yield path


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file; "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
