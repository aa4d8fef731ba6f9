"""The weights of a checkpoint: variables to safetensors and back, checked before any is assigned.

TensorFlow is not needed: a variable is whatever has `name`, `numpy()` and `assign()`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import shell_word
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import is_there
from textgen_core.runs.files import HASHES, read_json
from textgen_core.runs.tensors import TensorFile, open_tensors

WEIGHTS = "weights.safetensors"
STATE = "state.json"
_QUICKLY_HASHED = 10**9  # bytes


def best_step(run: RunDirectory) -> int:
    """Return the step of the best checkpoint, or of the newest where none is marked.

    Raises RunDirectoryError if there is no checkpoint, or the best one is missing.
    """
    saved = run.saved_steps()
    if not saved:
        raise RunDirectoryError(
            f"{run.path} has no checkpoint: it was not trained, or they were removed.",
            advice=f"Train it from its first step: textgen resume {shell_word(run.path)}",
        )
    if not is_there(run.best):
        return saved[-1]
    named = read_json(run.best)
    checkpoint = str(named.get("checkpoint", "")) if isinstance(named, dict) else ""
    steps = {run.checkpoint(step).name: step for step in saved}
    if checkpoint not in steps:
        raise RunDirectoryError(
            f"{run.best} names the checkpoint {checkpoint[:40]!r}, which is missing.",
            advice=f"Remove {run.best} to use the newest, step {saved[-1]}.",
        )
    return steps[checkpoint]


def load_weights(run: RunDirectory, step: int, model: Any) -> None:
    """Assign the weights of a checkpoint to a Keras model."""
    load_variables(model.variables, run.checkpoint(step) / WEIGHTS, run)


def take_weights(run: RunDirectory, step: int, model: Any) -> None:
    """Assign the weights of an earlier run's checkpoint to a model that goes on with them.

    The states of its random numbers stay, and may be others: what is dropped is the new run's own.
    Raises RunDirectoryError if the file is damaged, or the model has other weights.
    """
    path = run.checkpoint(step) / WEIGHTS
    with offering_another(run, path):
        opened = open_tensors(path, run.path)
        check_saved(opened, run)
    variables = [each for each in model.variables if not _is_of_random_numbers(each.name)]
    keys = [key for key in sorted(opened.tensors) if not _is_of_random_numbers(key)]
    for key, variable in itertools.zip_longest(keys, variables):
        names = [_uncounted(each.rpartition("/")[2]) for each in (key or "", _name_of(variable))]
        if names[0] != names[1] or opened.tensors[key].shape != variable.numpy().shape:
            raise RunDirectoryError(
                f"{run.path} has other weights than the model of this run: {key} in place of "
                f"{_name_of(variable) or 'none'}.",
                "Allowed: the settings that its tensors are for, such as data.sequence_length.",
            )
        check_numbers(path, key, opened.tensors[key], finite=bool(variable.trainable))
    for key, variable in zip(keys, variables, strict=True):
        variable.assign(opened.tensors[key])


def _name_of(variable: Any) -> str:
    return "" if variable is None else str(variable.name)


def _is_of_random_numbers(key: str) -> bool:
    return "seed_generator_state" in key


def save_variables(variables: Sequence[Any], path: Path) -> None:
    """Write variables as safetensors, each under its position and its name."""
    tensors = {
        variable_key(position, variable): np.asarray(variable.numpy(), order="C")
        for position, variable in enumerate(variables)
    }
    save_tensors(tensors, path)


def save_tensors(tensors: Mapping[str, Any], path: Path) -> None:
    """Write tensors as safetensors, to be read by whoever may read a new file of this user.

    The library makes files that are for their owner alone.
    """
    import safetensors.numpy  # to read takes none of it

    safetensors.numpy.save_file(dict(tensors), path)
    with suppress(OSError):  # a file system without modes
        path.chmod(path.parent.stat().st_mode & 0o666 | 0o600)


def load_variables(variables: Sequence[Any], path: Path, run: RunDirectory | None = None) -> None:
    """Assign variables from a file of `save_variables`; nothing is assigned unless all fit.

    run: the run to whose checkpoints the file belongs. Raises RunDirectoryError if the file is
    damaged or not the one that was saved, or a tensor's key, shape or dtype differs.
    """
    with offering_another(run, path):
        opened = open_tensors(path, None if run is None else run.path)
        fault = _fault_of_tensors(variables, opened)
        if fault is None or opened.size < _QUICKLY_HASHED:
            check_saved(opened, run)
    if fault is not None:
        raise fault
    keys = sorted(opened.tensors)
    with offering_another(run, path):
        for key, variable in zip(keys, variables, strict=True):
            check_numbers(path, key, opened.tensors[key], finite=bool(variable.trainable))
    for key, variable in zip(keys, variables, strict=True):
        variable.assign(opened.tensors[key])


def _fault_of_tensors(variables: Sequence[Any], opened: TensorFile) -> RunDirectoryError | None:
    """Return what keeps the tensors of a file from being those of variables."""
    keys = sorted(opened.tensors)  # in the order of their positions
    wanted = [variable_key(position, variable) for position, variable in enumerate(variables)]
    for ours, theirs in itertools.zip_longest(wanted, keys, fillvalue="no tensor"):
        if ours != _uncounted(theirs):
            return RunDirectoryError(
                f"{opened.path} holds other tensors: {theirs[:80]} in place of {ours}.",
                advice="The component that built the model may have changed: see manifest.json.",
            )
    try:
        for key, variable in zip(keys, variables, strict=True):
            check_tensor(opened.path, key, opened.tensors[key], variable.numpy())
    except RunDirectoryError as fault:
        return fault
    return None


def check_tensor(path: Path, key: str, found: Any, wanted: Any) -> None:
    """Raise RunDirectoryError unless a tensor of a file has the shape and dtype of another."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        raise RunDirectoryError(
            f"{path}: {key} is {found.dtype} {found.shape}, not {wanted.dtype} {wanted.shape}."
        )


def check_numbers(path: Path, key: str, found: Any, *, finite: bool = False) -> None:
    """Raise RunDirectoryError if a tensor of a file holds NaN; `finite`: or what is infinite."""
    if np.issubdtype(found.dtype, np.floating):
        wrong = ~np.isfinite(found) if finite else np.isnan(found)
        if wrong.any():
            raise RunDirectoryError(f"{path} is damaged: {key} holds numbers that are not finite.")


def check_saved(opened: TensorFile, run: RunDirectory | None) -> None:
    """Raise RunDirectoryError unless a file of a checkpoint is the one that was saved there.

    The checkpoints of older versions do not say what that was.
    """
    path = opened.path
    if run is None or not is_there(path.with_name(STATE)):
        return
    state = read_json(path.with_name(STATE), run.path)
    if not isinstance(state, dict) or state.get(HASHES) is None:
        return
    recorded = state[HASHES]
    if not isinstance(recorded, dict) or recorded.get(path.name) != opened.sha256:
        raise RunDirectoryError(
            f"{path} is not the file that was saved: its SHA-256 is not the one in {STATE}."
        )


def weights_digest(run: RunDirectory, step: int) -> str:
    """Return the SHA-256 of a checkpoint's weights, once it is known to be that of what was saved.

    Raises RunDirectoryError if the file is damaged, or not the one that was saved.
    """
    path = run.checkpoint(step) / WEIGHTS
    with offering_another(run, path):
        opened = open_tensors(path, run.path)
        check_saved(opened, run)
    return opened.sha256


@contextmanager
def offering_another(run: RunDirectory | None, path: Path) -> Iterator[None]:
    """If a file of a checkpoint is damaged, say how to use another checkpoint of its run."""
    try:
        yield
    except RunDirectoryError as error:
        if run is None or isinstance(error.__cause__, PermissionError):
            raise
        others = [step for step in run.saved_steps() if run.checkpoint(step) != path.parent]
        whole = [step for step in others if _is_whole(run, step)]
        advice = "Restore it from a copy of the run: no other checkpoint of it is whole."
        if whole:
            folder = path.parent.relative_to(run.path).as_posix()
            advice = (
                f"The checkpoint of step {whole[-1]} is whole: to use it, move {folder} and "
                f"{run.best.name} out of the run."
            )
        raise RunDirectoryError(error.problem, error.allowed, advice) from error


def _is_whole(run: RunDirectory, step: int) -> bool:
    try:
        check_saved(open_tensors(run.checkpoint(step) / WEIGHTS, run.path), run)
    except RunDirectoryError:
        return False
    return True


def variable_key(position: int, variable: Any) -> str:
    """Return a variable's key in a file: four-digit position, slash, name."""
    return _uncounted(f"{position:04d}/{variable.name}")


def _uncounted(key: str) -> str:
    """Return a key without the numbers that Keras appends to names it has given before.

    They count every layer that a process has made (`dense_1`), so the same model built twice, and
    an optimizer's variables, which are named after the model's, would have other keys.
    """
    return re.sub(r"_\d+(?=_|$)", "", key)
