"""How long a step takes: measured on real steps whose effect is undone.

This module knows nothing about plans or epochs.
"""

from __future__ import annotations

import time

import tensorflow as tf

from textgen_core.training.job import TrainingJob

_STEPS = 3


def measure_step(job: TrainingJob) -> float:
    """Return the seconds of a step, compilation left out; the job is left as it was, to the bit."""
    variables = [*job.language_model.model.variables, *job.optimizer.variables]
    before = [tf.identity(variable.value) for variable in variables]
    recurrent_state = job.step.recurrent_state
    batches = [job.batches.batch(index) for index in range(job.settings.accumulate)]
    seconds = []
    for _ in range(1 + _STEPS):
        began = time.perf_counter()
        bool(job.step(batches, 0.0).finite)
        seconds.append(time.perf_counter() - began)
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    job.step.recurrent_state = recurrent_state
    return min(seconds[1:])
