"""Checkpoints: a folder that appears whole or not at all.

Weights, optimizer state and, for streams, the recurrent state are safetensors; the rest is JSON. A
checkpoint is written beside its place, flushed and renamed, so that a killed process or a full disk
leaves the one before; what is not finite is never written. Nothing in it is unpickled, imported or
executed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import safetensors
import tensorflow as tf

from textgen_core.errors import RunDirectoryError, TrainingDiverged
from textgen_core.formatting import shell_word
from textgen_core.runs import RunDirectory, read_json, write_json
from textgen_core.runs.door import is_folder, is_there, list_names
from textgen_core.runs.files import HASHES, flush_file, flush_folder, remove_folder
from textgen_core.runs.tensors import hash_file, open_tensors
from textgen_core.runs.weights import (
    STATE,
    WEIGHTS,
    check_numbers,
    check_saved,
    check_tensor,
    load_variables,
    offering_another,
    save_tensors,
    save_variables,
)
from textgen_core.training.averaging import averaged
from textgen_core.training.state import TrainingState

OPTIMIZER = "optimizer.safetensors"
RECURRENT_STATE = "carry.safetensors"
KEPT = 3
_BEFORE = ".before"


def save_checkpoint(
    run: RunDirectory,
    state: TrainingState,
    model: keras.Model,
    optimizer: Any,
    recurrent_state: Any,
) -> Path:
    """Write the checkpoint of a step and return its folder.

    `recurrent_state` is that of streams, or None. An average of the weights is written as the
    model, and the weights themselves as the optimizer's. Raises RunDirectoryError if the disk does
    not take it, of which no part is left then, and TrainingDiverged if a number is not finite.
    """
    _check_finite(run, state.step, model, optimizer, recurrent_state)
    target = run.checkpoint(state.step)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        is_folder(run.checkpoints)  # or nothing yet, but no link to a folder of others
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        with averaged(model, optimizer):
            save_variables(model.variables, beside / WEIGHTS)
            save_variables(optimizer.variables, beside / OPTIMIZER)
        if recurrent_state is not None:
            save_tensors(_flat(recurrent_state), beside / RECURRENT_STATE)
        hashes = {each.name: hash_file(each) for each in sorted(beside.iterdir())}
        write_json(beside / STATE, {**state.as_json(), HASHES: hashes})
        for file in beside.iterdir():
            flush_file(file)
        if target.exists():
            target.replace(_before(target))
        try:
            beside.replace(target)
        finally:
            _settle(target)
        flush_folder(run.checkpoints)
    except (OSError, safetensors.SafetensorError, RunDirectoryError) as error:
        cause = getattr(error, "strerror", None) or str(error).partition("\n")[0].rstrip(".")
        raise RunDirectoryError(
            f"The checkpoint {target} cannot be written: {cause}.",
            "The checkpoints before it are whole.",
            f"Free some space, then resume: textgen resume {shell_word(run.path)}",
        ) from error
    finally:  # a second Ctrl-C, too, leaves nothing half-written
        shutil.rmtree(beside, ignore_errors=True)
    return target


def mark_best(run: RunDirectory, state: TrainingState) -> None:
    """Name the best checkpoint of a state in best.json, if it is there."""
    if state.best_step in run.saved_steps():
        name = run.checkpoint(state.best_step).name
        write_json(run.best, {"checkpoint": name, "validation_loss": state.best_loss})


def load_state(run: RunDirectory, step: int) -> TrainingState:
    """Return the training state of a checkpoint."""
    path = run.checkpoint(step) / STATE
    with offering_another(run, path):
        values = read_json(path, run.path)
        if isinstance(values, dict):
            values.pop(HASHES, None)  # which concern the other files
        state = TrainingState.from_json(values, path)
        if state.step != step:
            raise RunDirectoryError(f"{path} is that of step {state.step}.")
        return state


def check_whole(run: RunDirectory, step: int) -> None:
    """Raise RunDirectoryError if a file of a checkpoint is damaged, before anything is built."""
    for name in (WEIGHTS, OPTIMIZER, RECURRENT_STATE):
        path = run.checkpoint(step) / name
        if name != RECURRENT_STATE or is_there(path):  # which windows do without
            with offering_another(run, path):
                check_saved(open_tensors(path, run.path), run)


def load_optimizer(run: RunDirectory, step: int, optimizer: Any) -> None:
    """Assign the optimizer's state of a checkpoint."""
    load_variables(optimizer.variables, run.checkpoint(step) / OPTIMIZER, run)


def load_recurrent_state(run: RunDirectory, step: int, like: Any) -> Any:
    """Return the recurrent state of a checkpoint, in the structure of `like`."""
    path = run.checkpoint(step) / RECURRENT_STATE
    with offering_another(run, path):
        opened, wanted = open_tensors(path, run.path), _flat(like)
        tensors = opened.tensors
        if set(wanted) != set(tensors):
            raise RunDirectoryError(f"{path} holds {len(tensors)} tensors, not {len(wanted)}.")
        for key, value in wanted.items():
            check_tensor(path, key, tensors[key], value)
            check_numbers(path, key, tensors[key])
        check_saved(opened, run)
    dtypes = [each.dtype for each in tf.nest.flatten(like)]
    values = [tf.cast(tensors[key], dtype) for key, dtype in zip(wanted, dtypes, strict=True)]
    return tf.nest.pack_sequence_as(like, values)


def prune_checkpoints(run: RunDirectory, best_step: int) -> None:
    """Remove all checkpoints but the newest three and the best.

    Raises RunDirectoryError if the disk does not let go of one.
    """
    for step in run.saved_steps()[:-KEPT]:
        if step == best_step:
            continue
        try:
            remove_folder(run.checkpoint(step))
        except OSError as error:
            raise RunDirectoryError(
                f"{run.checkpoint(step)} cannot be removed: {error.strerror or error}."
            ) from error


def remove_leftovers(run: RunDirectory) -> None:
    """Remove what a killed process left half-written."""
    for name in list_names(run.checkpoints):
        if name.startswith(".step-") and name.endswith(_BEFORE):
            _settle(run.checkpoints / name.removeprefix(".").removesuffix(_BEFORE))
    for name in list_names(run.checkpoints):
        if name.startswith(".step-"):
            shutil.rmtree(run.checkpoints / name, ignore_errors=True)


def _before(target: Path) -> Path:
    """Return where a checkpoint waits while another takes its place."""
    return target.with_name(f".{target.name}{_BEFORE}")


def _settle(target: Path) -> None:
    """Remove the checkpoint that another has replaced; put it back if none has."""
    before = _before(target)
    if not before.exists():
        return
    if not target.exists():
        before.replace(target)
        return
    going = target.with_name(f".{target.name}.going")  # a name that is never put back
    before.replace(going)
    shutil.rmtree(going, ignore_errors=True)


def _check_finite(
    run: RunDirectory, step: int, model: keras.Model, optimizer: Any, recurrent_state: Any
) -> None:
    """Raise TrainingDiverged unless what is trained, and how, is finite, and nothing else is NaN.

    What a model keeps beside its weights may be infinite on purpose, as a mask is.
    """
    checked = [
        (variable.path, tf.convert_to_tensor(variable.value), is_strict or variable.trainable)
        for variables, is_strict in ((model.variables, False), (optimizer.variables, True))
        for variable in variables
    ]
    recurrent = [] if recurrent_state is None else tf.nest.flatten(recurrent_state)
    checked += [("the recurrent state", tensor, False) for tensor in recurrent]
    for name, tensor, is_strict in checked:
        if not tensor.dtype.is_floating:
            continue
        wrong = ~tf.math.is_finite(tensor) if is_strict else tf.math.is_nan(tensor)
        if bool(tf.reduce_any(wrong)):
            saved = run.saved_steps()
            kept = f"; the checkpoint of step {saved[-1]} is kept" if saved else ""
            raise TrainingDiverged(
                f"After step {step} {name} is no longer finite, and no checkpoint is written.",
                "The likely cause: a learning rate that is too high.",
                f"Try a lower --learning-rate{kept}.",
            )


def _flat(state: Any) -> dict[str, Any]:
    """Return the tensors of a nest by position; bfloat16 as float32, which holds it exactly."""
    flat = {}
    for position, tensor in enumerate(tf.nest.flatten(state)):
        exact = tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor
        flat[f"{position:04d}"] = np.array(exact.numpy(), order="C")  # keeps a scalar one
    return flat
