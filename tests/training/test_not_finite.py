"""A number that is not finite, at any step: no checkpoint holds it, and the last good one stays."""

import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
from training.fake_job import Recorder
from training.tiny import TinyModel, draw_batch, settings, wrap

from textgen_core.errors import TrainingDiverged
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.checkpoint import save_checkpoint
from textgen_core.training.interruption import Interruption
from textgen_core.training.job import TrainingJob
from textgen_core.training.loop import train
from textgen_core.training.optimizer import build_optimizer
from textgen_core.training.state import Plan, TrainingState
from textgen_core.training.step import TrainingStep

STEPS = 20
SPIKES = {"nan": np.nan, "inf": np.inf}


class SpoiledModel(TinyModel):
    """Counts its forward passes in training, and spoils one: its loss, or its gradient alone."""

    def __init__(self):
        super().__init__(dropout=0.2)
        self.passes = tf.Variable(0, trainable=False)
        self.spoils_at = tf.Variable(-1, trainable=False)
        self.spoils_gradient = tf.Variable(False, trainable=False)
        self.spike = tf.Variable(0.0, trainable=False)

    def _run(self, token_ids, state, training, project):
        outputs, state = super()._run(token_ids, state, training, project)
        if not training:
            return outputs, state
        is_now = tf.equal(self.passes.assign_add(1), self.spoils_at)
        spike = tf.where(is_now, self.spike, 0.0)

        @tf.custom_gradient
        def spoiled(outputs):
            seen = tf.where(self.spoils_gradient, 0.0, spike)
            return outputs + seen, lambda upstream: upstream + spike

        return spoiled(outputs), state


class Batches:
    batches_per_epoch, batch_size = 7, 3

    def batch(self, index):
        return draw_batch(3, seed=index, starts_afresh=index % 7 == 0)


class Training:
    """The real loop, step and checkpoints on a model that is compiled once and used again."""

    def __init__(self, compile, accumulate=1, streams=False, **changes):
        self.settings = settings(
            **{
                "optimizer": "adam",
                "learning_rate": 0.01,
                "clip_norm": 1.0,
                "compile": compile,
                "accumulate": accumulate,
                "epochs": 100,
                "patience": None,
                "checkpoint_seconds": 1e-9,  # after every step
                **changes,
            }
        )
        self.model = SpoiledModel()
        self.optimizer = build_optimizer(self.settings, self.model, False)
        self.step = TrainingStep(
            wrap(self.model), self.optimizer, self.settings, carries_state=streams
        )
        self.variables = [*self.model.variables, *self.optimizer.variables]
        self.fresh = [variable.numpy() for variable in self.variables]

    def spoil(self, path, at, *, gradient=False, value=np.nan):
        """Train afresh with forward pass `at` spoiled; return the run and the error, or None."""
        for variable, value_then in zip(self.variables, self.fresh, strict=True):
            variable.assign(value_then)
        self.step.recurrent_state = None
        self.model.passes.assign(0)
        self.model.spoils_at.assign(at)
        self.model.spoils_gradient.assign(gradient)
        self.model.spike.assign(value)
        run = RunDirectory(path)
        job = TrainingJob(
            language_model=wrap(self.model),
            optimizer=self.optimizer,
            step=self.step,
            batches=Batches(),
            settings=self.settings,
            run=run,
            validate=lambda: None,
            write_sample=lambda: {"text": ""},
            callback=Recorder(),
        )
        state = TrainingState(plan=Plan(last_step=STEPS + 2))
        try:
            train(job, state, Interruption())
        except TrainingDiverged as error:
            return run, error
        return run, None


def assert_stopped_before(run, error, step):
    """All that is saved is finite, the newest is of the step before, and the error names it."""
    assert error is not None
    assert f"at step {step}." in error.problem
    saved = run.saved_steps()
    assert saved[-1:] == ([step - 1] if step > 1 else [])
    assert (f"the checkpoint of step {step - 1} is kept" in str(error)) == (step > 1)
    for each in saved:
        assert_finite(run, each)


def assert_finite(run, step):
    for file in run.checkpoint(step).glob("*.safetensors"):
        for tensor in safetensors.numpy.load_file(file).values():
            assert np.isfinite(tensor).all()


@pytest.fixture(scope="module")
def compiled():
    return Training("graph")


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_nan_in_the_loss_of_any_step_is_in_no_checkpoint(step, compiled, tmp_path):
    run, error = compiled.spoil(tmp_path, at=step)
    assert "The loss is no longer finite" in error.problem
    assert_stopped_before(run, error, step)


@pytest.mark.parametrize("step", [1, 2, 11])
@pytest.mark.parametrize("value", SPIKES)
def test_a_gradient_that_is_not_finite_below_a_finite_loss_is_in_no_checkpoint(
    value, step, compiled, tmp_path
):
    run, error = compiled.spoil(tmp_path, at=step, gradient=True, value=SPIKES[value])
    assert "The gradient is no longer finite" in error.problem
    assert_stopped_before(run, error, step)


def test_without_a_spike_the_same_training_ends_well(compiled, tmp_path):
    run, error = compiled.spoil(tmp_path, at=-1)
    assert error is None
    assert run.saved_steps()[-1] == STEPS + 2


@pytest.mark.parametrize("gradient", [False, True], ids=["loss", "gradient"])
def test_under_xla_with_batches_added_up_on_streams_it_is_found_too(gradient, tmp_path):
    training = Training("xla", accumulate=3, streams=True)
    for number, at in enumerate((2, 3 * 4)):  # the 2nd batch of step 1, the last of step 4
        run, error = training.spoil(tmp_path / str(number), at=at, gradient=gradient)
        assert_stopped_before(run, error, -(-at // 3))


def test_weights_that_an_update_wrecked_are_not_saved(tmp_path):
    """A finite gradient, and a rate so high that the weights are infinite after it."""
    training = Training("eager", optimizer="sgd", learning_rate=1e38, clip_norm=None)
    run, error = training.spoil(tmp_path, at=1, gradient=True, value=1e5)
    assert "after step 1" in error.problem.lower()
    assert "no checkpoint is written" in error.problem
    assert run.saved_steps() == []
    assert not run.checkpoints.exists() or not list(run.checkpoints.iterdir())


# ---- what is saved is looked at -----------------------------------------------------------------


class Part:
    def __init__(self, value, trainable=True):
        self.variables = [keras.Variable(np.ones(2, np.float32), name="good")]
        self.variables.append(keras.Variable(value, trainable=trainable, name="spoiled"))


def save(path, model=None, optimizer=None, carry=None, step=2):
    run = RunDirectory(path)
    good = Part(np.zeros(2, np.float32))
    state = TrainingState(step=step, plan=Plan(last_step=9))
    save_checkpoint(run, state, model or good, optimizer or good, carry)
    return run


BAD = {
    "weights": {"model": Part(np.array([1.0, np.inf], np.float32))},
    "half precision": {"model": Part(tf.constant([1.0, np.nan], tf.bfloat16))},
    "not trained": {"model": Part(np.array([1.0, np.nan], np.float32), trainable=False)},
    "optimizer": {"optimizer": Part(np.array([-np.inf, 0.0], np.float32), trainable=False)},
    "carry": {"carry": ({"hidden": tf.constant([0.0, np.nan])}, tf.constant(3))},
}


@pytest.mark.parametrize("where", BAD)
def test_nothing_is_written_that_is_not_finite_and_the_one_before_is_named(where, tmp_path):
    run = save(tmp_path, step=1)
    with pytest.raises(TrainingDiverged, match=r"After step 2 .* is no longer finite") as caught:
        save(tmp_path, **BAD[where])
    assert "the checkpoint of step 1 is kept" in str(caught.value)
    assert [each.name for each in run.checkpoints.iterdir()] == ["step-00000001"]


def test_a_mask_of_infinities_that_is_not_trained_is_saved(tmp_path):
    mask = Part(np.array([0.0, -np.inf], np.float32), trainable=False)
    assert save(tmp_path, model=mask).saved_steps() == [2]
