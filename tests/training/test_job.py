"""Measuring a step leaves everything as it was."""

import attrs
import numpy as np
import pytest
from training.fake_job import Recorder
from training.tiny import TinyModel, draw_batch, make_step, settings, values_of, wrap

from textgen_core.runs.directory import RunDirectory
from textgen_core.training.job import TrainingJob, measure_step


class DrawnBatches:
    batches_per_epoch = 4

    def batch(self, index):
        return draw_batch(3, seed=index, starts_afresh=index % 4 == 0)


def make_job(tmp_path, carries_state, **changes):
    model, chosen = TinyModel(dropout=0.5), settings(**changes)
    step, optimizer = make_step(model, chosen, carries_state)
    return TrainingJob(
        language_model=wrap(model),
        optimizer=optimizer,
        step=step,
        batches=DrawnBatches(),
        settings=chosen,
        run=RunDirectory(tmp_path),
        validate=lambda: None,
        write_sample=dict,
        callback=Recorder(),
    )


def everything(job):
    carry = [] if job.step.recurrent_state is None else list(job.step.recurrent_state.values())
    return values_of([*job.language_model.model.variables, *job.optimizer.variables, *carry])


@pytest.mark.parametrize("carries_state", [False, True])
@pytest.mark.parametrize(
    ("optimizer", "accumulate", "compile"),
    [("adam", 1, "xla"), ("adamw", 2, "graph"), ("muon", 1, "graph")],
)
def test_measuring_leaves_the_job_as_it_was_to_the_bit(
    tmp_path, optimizer, accumulate, compile, carries_state
):
    given = {"optimizer": optimizer, "accumulate": accumulate, "compile": compile}
    job = make_job(tmp_path, carries_state, learning_rate=0.01, **given)
    job.step([job.batches.batch(index) for index in range(accumulate)], 0.01)
    before = everything(job)
    assert measure_step(job) > 0
    after = everything(job)
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_goes_on_as_if_nothing_had_been_measured(tmp_path):
    results = []
    for measures in (False, True):
        job = make_job(tmp_path, False, optimizer="adam", learning_rate=0.01, compile="graph")
        if measures:
            measure_step(job)
        for index in range(3):
            job.step([job.batches.batch(index)], 0.01)
        results.append(everything(job))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_measured_step_is_a_whole_update(tmp_path):
    job = make_job(tmp_path, False, accumulate=3)
    seen = []

    class Counting:
        recurrent_state = None

        def __call__(self, batches, learning_rate):
            seen.append((len(batches), learning_rate))
            return job.step(batches, learning_rate)

    measure_step(attrs.evolve(job, step=Counting()))
    assert set(seen) == {(3, 0.0)}
