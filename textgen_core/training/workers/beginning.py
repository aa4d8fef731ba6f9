"""Where all workers begin: at what the first one has read of a checkpoint, to the bit.

The others need no directory of the run. A run that is new has nothing to tell: all build the same
model from its seed, and the first exchange says if they do not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from textgen_core.training.state import TrainingState

if TYPE_CHECKING:
    from textgen_core.training.job import TrainingJob


def begin_as_first(job: TrainingJob, state: TrainingState | None) -> TrainingState:
    """Return the first worker's state, and put the job where its own stands.

    state: that of the first worker, whose step has the recurrent state of all rows, and None in all
    others.
    """
    collective = job.collective
    assert collective is not None
    told = collective.gather({} if state is None else state.as_json())[0]
    state = TrainingState.from_json(told, Path("the first worker's state"))
    if state.step:
        _take_variables(job)
    return state


def _take_variables(job: TrainingJob) -> None:
    variables = [*job.language_model.model.variables, *job.optimizer.variables]
    rows = job.batches.batch_size
    whole = job.step.recurrent_state  # in the first worker that of the checkpoint
    if whole is None:
        whole = job.step.initial_recurrent_state(rows)
    flat = [] if whole is None else tf.nest.flatten(whole)
    values = [np.asarray(each.numpy()) for each in (*variables, *flat)]
    assert job.collective is not None
    found = job.collective.from_first(values)
    for variable, value in zip(variables, found, strict=False):
        variable.assign(value)
    if whole is not None:
        tensors = map(tf.constant, found[len(variables) :])
        job.step.take_recurrent_state(tf.nest.pack_sequence_as(whole, list(tensors)), rows)
