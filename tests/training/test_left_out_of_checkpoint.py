"""The comparison of a resumed run finds what a checkpoint lacks: each part of it is needed.

A run that stops half-way and is restored into new objects equals one that never stopped. With one
thing left out of what is restored, it does not: so the tests of exact resume can fail.
"""

import shutil

import attrs
import keras
import numpy as np
import pytest
from training.fake_job import Recorder
from training.resuming import differences, tensors_of
from training.tiny import TIME, VOCABULARY, settings, wrap

from textgen_core.data.batches import StreamBatches, WindowBatches
from textgen_core.evaluation.figures import Figures
from textgen_core.pipeline import training as training_phase
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.interruption import Interruption
from textgen_core.training.job import TrainingJob, first_state
from textgen_core.training.loop import train
from textgen_core.training.optimizer import build_optimizer
from textgen_core.training.step import TrainingStep
from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder

BUILDERS = {
    "lstm": LSTMBuilder(units=(4,), layers=1, embedding=4, dropout=0.4),
    "transformer": TransformerBuilder(
        layers=1, heads=2, head_size=2, feed_forward=4, dropout=0.4, capacity=3 * TIME
    ),
}
TOKENS = np.random.default_rng(5).integers(4, VOCABULARY, 62).astype(np.int32)
ROWS = 2
STOPS_AFTER = 4  # in the middle of an epoch of 6 or 7 batches


class MovedBatches:
    """Batches counted from another one on: a data position that was forgotten."""

    def __init__(self, batches, by):
        self._batches, self._by = batches, by
        self.batches_per_epoch, self.batch_size = batches.batches_per_epoch, batches.batch_size

    def batch(self, index):
        return self._batches.batch(index - self._by)


class StopsAfter(Interruption):
    """Asks to stop after so many checks."""

    def __init__(self, steps):
        self._left = steps

    @property
    def requested(self):
        self._left -= 1
        return self._left <= 0


def make_job(path, name, batching):
    """A job of new objects, as a new process would make it."""
    path.mkdir(exist_ok=True)
    keras.utils.set_random_seed(4)
    chosen = settings(
        optimizer="adam", learning_rate=0.05, epochs=2, patience=None, schedule="halving"
    )
    model = BUILDERS[name].build(VOCABULARY, TIME)
    optimizer = build_optimizer(chosen, model, False)
    streams = batching == "streams"
    batches = (
        StreamBatches(TOKENS, TIME, ROWS)
        if streams
        else WindowBatches(TOKENS, TIME, TIME, ROWS, seed=1)
    )

    def validate():
        loss = float(np.abs(model.trainable_variables[0].numpy()).sum())
        return Figures(tokens=8, loss=loss, perplexity=1.0, bits_per_byte=1.0)

    return TrainingJob(
        language_model=wrap(model),
        optimizer=optimizer,
        step=TrainingStep(wrap(model), optimizer, chosen, carries_state=streams),
        batches=batches,
        settings=chosen,
        run=RunDirectory(path),
        validate=validate,
        write_sample=lambda: {"text": ""},
        callback=Recorder(),
    )


# ---- what is left out: each is done to a job and its state after they were restored -------------


def nothing(job, state):
    return job, state


def seeds(job, state):
    fresh = make_job(job.run.path, job.language_model.model.name, "windows").language_model.model
    job.language_model.model.seeds.state.assign(fresh.seeds.state.numpy())
    return job, state


def data_position(job, state):
    return attrs.evolve(job, batches=MovedBatches(job.batches, state.step)), state


def optimizer(job, state):
    for variable in job.optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    return job, state


def carry(job, state):
    job.step.recurrent_state = None
    return job, state


def sums_of_the_log(job, state):
    return job, attrs.evolve(state, unlogged_loss=0.0, unlogged_tokens=0)


def best(job, state):
    return job, attrs.evolve(state, best_loss=np.inf, best_step=0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a function that gives a run that never stopped, and one that stopped half-way."""
    done = {}

    def train_both(name, batching):
        if (name, batching) not in done:
            folder = tmp_path_factory.mktemp(f"{name}-{batching}")
            whole = make_job(folder / "whole", name, batching)
            train(whole, first_state(whole), Interruption())
            assert whole.run.saved_steps()[-1] == 2 * whole.batches.batches_per_epoch
            parts = make_job(folder / "parts", name, batching)
            train(parts, first_state(parts), StopsAfter(STOPS_AFTER))
            assert parts.run.saved_steps()[-1] == STOPS_AFTER
            done[name, batching] = whole.run.path, parts.run.path
        return done[name, batching]

    return train_both


def moved(one, other):
    """The weights that differ; seeds, which are kept among them, are none."""
    left, right = tensors_of(one), tensors_of(other)
    keys = [key for key in left if key.startswith("weights") and "seed" not in key]
    assert 3 < len(keys) < len([key for key in left if key.startswith("weights")])
    return [key for key in keys if left[key] != right[key]]


@pytest.fixture
def found(runs, tmp_path):
    """Return a function that restores without something, trains on, and says what differs."""

    def compare(name, batching, left_out):
        whole, stopped = runs(name, batching)
        shutil.copytree(stopped, tmp_path / "parts")
        job = make_job(tmp_path / "parts", name, batching)
        job, state = left_out(job, training_phase.restore(job, fresh_plan=False))
        train(job, state, Interruption())
        return differences(whole, tmp_path / "parts"), moved(whole, tmp_path / "parts")

    return compare


@pytest.mark.parametrize("batching", ["windows", "streams"])
@pytest.mark.parametrize("name", BUILDERS)
def test_with_all_that_a_checkpoint_holds_the_runs_are_equal(name, batching, found):
    assert found(name, batching, nothing) == ([], [])


@pytest.mark.parametrize(
    ("left_out", "batching", "where"),
    [
        (seeds, "windows", "tensors"),
        (seeds, "streams", "tensors"),
        (data_position, "windows", "tensors"),
        (data_position, "streams", "tensors"),
        (carry, "streams", "tensors"),
        (optimizer, "windows", "tensors"),
        (sums_of_the_log, "windows", "metrics.jsonl"),
        (best, "windows", "best.json"),
    ],
)
@pytest.mark.parametrize("name", BUILDERS)
def test_with_one_thing_left_out_they_differ(name, left_out, batching, where, found):
    different, weights = found(name, batching, left_out)
    assert where in different
    if where == "tensors":
        assert len(weights) > 3
