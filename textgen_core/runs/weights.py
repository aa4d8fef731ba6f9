"""The weights of a checkpoint: variables to safetensors and back, checked before any is assigned.

TensorFlow is not needed: a variable is whatever has `name`, `numpy()` and `assign()`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import shell_word
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import file_errors, read_json

WEIGHTS = "weights.safetensors"


def best_step(run: RunDirectory) -> int:
    """Return the step of the best checkpoint, or of the newest where none is marked.

    Raises RunDirectoryError if there is no checkpoint, or the best one is missing.
    """
    saved = run.saved_steps()
    if not saved:
        raise RunDirectoryError(
            f"{run.path} has no checkpoint yet.",
            advice=f"Train it: textgen resume {shell_word(run.path)}",
        )
    if not run.best.is_file():
        return saved[-1]
    named = read_json(run.best)
    checkpoint = str(named.get("checkpoint", "")) if isinstance(named, dict) else ""
    steps = {run.checkpoint(step).name: step for step in saved}
    if checkpoint not in steps:
        raise RunDirectoryError(
            f"{run.best} names the checkpoint {checkpoint!r}, which is missing.",
            advice=f"Remove {run.best} to use the newest, step {saved[-1]}.",
        )
    return steps[checkpoint]


def load_weights(run: RunDirectory, step: int, model: Any) -> None:
    """Assign the weights of a checkpoint to a Keras model."""
    load_variables(model.variables, run.checkpoint(step) / WEIGHTS)


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
    safetensors.numpy.save_file(dict(tensors), path)
    with suppress(OSError):  # a file system without modes
        path.chmod(path.parent.stat().st_mode & 0o666 | 0o600)


def load_variables(variables: Sequence[Any], path: Path) -> None:
    """Assign variables from a file of `save_variables`; nothing is assigned unless all fit.

    Raises RunDirectoryError if the file is damaged or a tensor's key, shape or dtype differs.
    """
    tensors = load_tensors(path)
    keys = sorted(tensors)  # in the order of their positions
    wanted = [variable_key(position, variable) for position, variable in enumerate(variables)]
    for ours, theirs in itertools.zip_longest(wanted, keys, fillvalue="no tensor"):
        if ours != _uncounted(theirs):
            raise RunDirectoryError(
                f"{path} holds other tensors: {theirs} in place of {ours}.",
                advice="The component that built the model may have changed: see manifest.json.",
            )
    for key, variable in zip(keys, variables, strict=True):
        check_tensor(path, key, tensors[key], variable.numpy())
    for key, variable in zip(keys, variables, strict=True):
        variable.assign(tensors[key])


def load_tensors(path: Path) -> Mapping[str, Any]:
    """Return the tensors of a file; raises RunDirectoryError if it is missing or damaged."""
    try:
        with file_errors(path, "read"), path.open("rb"):
            pass  # the library takes every file that it may not read for one that is missing
        return safetensors.numpy.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise RunDirectoryError(f"{path} cannot be read: {error}.") from error


def check_tensor(path: Path, key: str, found: Any, wanted: Any) -> None:
    """Raise RunDirectoryError unless a tensor of a file has the shape and dtype of another."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        raise RunDirectoryError(
            f"{path}: {key} is {found.dtype} {found.shape}, not {wanted.dtype} {wanted.shape}."
        )


def variable_key(position: int, variable: Any) -> str:
    """Return a variable's key in a file: four-digit position, slash, name."""
    return _uncounted(f"{position:04d}/{variable.name}")


def _uncounted(key: str) -> str:
    """Return a key without the numbers that Keras appends to names it has given before.

    They count every layer that a process has made (`dense_1`), so the same model built twice, and
    an optimizer's variables, which are named after the model's, would have other keys.
    """
    return re.sub(r"_\d+(?=_|$)", "", key)
