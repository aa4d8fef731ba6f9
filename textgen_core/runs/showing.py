"""What a run is, as plain values: for `textgen runs`, its JSON, and Python.

From its files alone; what is damaged or missing is None or empty.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textgen_core.errors import RunDirectoryError
from textgen_core.runs.directory import RunDirectory, find_run
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_json, read_toml
from textgen_core.runs.listing import RunSummary, summarise
from textgen_core.runs.standing import disk_size, newest_state

_PARTS = ("checkpoints", "counts.safetensors", "texts")  # of what a run takes on the disk


def as_row(summary: RunSummary) -> dict[str, Any]:
    """Return what a list of runs says of one."""
    return {
        "name": summary.name,
        "path": str(summary.path),
        "state": summary.state,
        "created": summary.created or None,
        "age_seconds": round(summary.age),
        "model": summary.model or None,
        "tokenizer": summary.tokenizer or None,
        "parameters": summary.parameters,
        "bits_per_byte": summary.bits_per_byte,
        "split": summary.split or None,
        "step": summary.step,
        "bytes": summary.size,
    }


def show(reference: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Return what a run is: its row of the list, and what it was made from.

    Args:
        reference: its directory, or a unique prefix of a name under runs/; None: the newest.

    Returns:
        Plain values, as `textgen runs show --json` prints them.

    Raises:
        RunDirectoryError: there is no such run.
    """
    run = find_run(reference)
    configuration, manifest = _table(run.configuration), _table(run.manifest)
    size, parts = disk_size(run.path), {}
    for name in _PARTS:
        path = run.path / name
        parts[name.partition(".")[0]] = disk_size(path) if path.is_dir() else _size_of(path)
    parts["others"] = max(0, size - sum(parts.values()))
    state = newest_state(run) or {}
    corpus, ancestors = manifest.get("corpus"), manifest.get("ancestors")
    return {
        **as_row(summarise(run.path)),
        "bytes_of": parts,
        "checkpoints": _steps_of(run),
        "trained_steps": state.get("step"),
        "trained_seconds": state.get("seconds"),
        "recipe": configuration.get("from_recipe"),
        "corpus": corpus if isinstance(corpus, list) else [],
        "ancestors": ancestors if isinstance(ancestors, list) else [],
        "forgetting": _table(run.evaluation).get("forgetting"),
        "packed": is_there(run.pack),
        "versions": manifest.get("versions"),
    }


def _table(path: Path) -> Mapping[str, Any]:
    try:
        found = (read_toml if path.suffix == ".toml" else read_json)(path)
    except RunDirectoryError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _steps_of(run: RunDirectory) -> list[int]:
    try:
        return run.saved_steps()
    except RunDirectoryError:
        return []


def _size_of(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
