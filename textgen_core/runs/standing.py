"""How far a run has come, from its files: whether it is finished, was interrupted, or goes on.

The state of the newest checkpoint says it; an unpacked run has only its best one, and keeps that
state in pack.json.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import shell_word
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_json
from textgen_core.runs.lock import is_written
from textgen_core.runs.weights import STATE

Standing = Literal["finished", "interrupted", "running", "no weights", "damaged"]
NEWEST = "newest"  # in pack.json: the state of the newest checkpoint when the run was packed


def newest_state(run: RunDirectory) -> Mapping[str, Any] | None:
    """Return state.json of the newest checkpoint; None if there is none that can be read."""
    try:
        if is_there(run.pack) and not _goes_on(run):
            found = read_json(run.pack)[NEWEST]
        else:
            steps = run.saved_steps()
            found = read_json(run.checkpoint(steps[-1]) / STATE, run.path) if steps else None
    except (RunDirectoryError, LookupError, TypeError):
        return None
    return found if isinstance(found, Mapping) else None


def is_over(state: Mapping[str, Any], training: Mapping[str, Any]) -> bool:
    """Return whether a training has come to its plan's end, or stopped early.

    training: that section of run.toml. Raises TypeError or LookupError if one is damaged.
    """
    patience = training.get("patience")
    stops = not {"minutes", "steps"} & {*training} and isinstance(patience, int)
    without_gain = state["epochs_without_gain"]
    return bool(
        state["step"] >= state["plan"]["last_step"]
        or (stops and without_gain >= (patience or math.inf))
    )


def standing_of(run: RunDirectory, configuration: Mapping[str, Any]) -> Standing:
    """Return how far a run has come; configuration: what its run.toml holds, empty if damaged."""
    if is_written(run):
        return "running"
    training = configuration.get("training")
    if not isinstance(training, Mapping):
        return "damaged"
    try:
        if not run.saved_steps():
            return "no weights" if is_there(run.evaluation) else "interrupted"
        state = newest_state(run)
        if state is None:
            return "damaged"
        return "finished" if is_over(state, training) else "interrupted"
    except (RunDirectoryError, LookupError, TypeError):
        return "damaged"


def check_resumable(run: RunDirectory) -> None:
    """Raise RunDirectoryError if a run was packed, which leaves out what training goes on from."""
    if is_there(run.pack) and not _goes_on(run):
        raise RunDirectoryError(
            f"{run.path} was packed, without the state of its optimizer: it cannot be resumed.",
            "Allowed: to write with it, to score and to export it; or to begin a new run with it.",
            f"Train on from its weights: textgen run CORPUS --from {shell_word(run.path)}",
        )


def disk_size(path: Path) -> int:
    """Return the bytes of all files below a folder; no link is followed, nothing is raised."""
    size = 0
    for parent, _, files in os.walk(path):
        for name in files:
            try:
                size += Path(parent, name).lstat().st_size
            except OSError:  # it is just being removed
                continue
    return size


def _goes_on(run: RunDirectory) -> bool:
    """Return whether the newest checkpoint has what training goes on from."""
    steps = run.saved_steps()
    return bool(steps) and is_there(run.checkpoint(steps[-1]) / "optimizer.safetensors")
