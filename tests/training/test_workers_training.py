"""Whole trainings of several workers, as threads: what the first decides, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest
import tensorflow as tf
from architecture import imports, parse, sources
from training.fake_job import Recorder
from training.thread_workers import ThreadCollective, work
from training.tiny import TinyModel, draw_batch, settings, values_of, wrap

import textgen_core
from textgen_core.data.batches import StreamBatches, WindowBatches
from textgen_core.errors import ConfigurationError, TrainingDiverged, WorkersError
from textgen_core.evaluation.figures import Figures
from textgen_core.pipeline.training import restore
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.interruption import Interruption
from textgen_core.training.job import TrainingJob, check_batch, first_state, is_over
from textgen_core.training.loop import train
from textgen_core.training.optimizer import build_optimizer
from textgen_core.training.step import TrainingStep
from textgen_core.training.workers import transport

ROWS, TIME = 5, 6
TOKENS = np.random.default_rng(5).integers(4, 13, 100).astype(np.int32)


def make_job(folder, model, collective, *, seed=1, streams=False, losses=(), **changes):
    """A job on a small text; a worker that is not the first has a folder that is not there."""
    chosen = settings(**{"batch_size": ROWS, "epochs": 2, "optimizer": "adam", **changes})
    chosen = attrs.evolve(chosen, learning_rate=0.01)
    language_model = wrap(model, TIME)
    optimizer = build_optimizer(chosen, model, False)
    step = TrainingStep(
        language_model, optimizer, chosen, carries_state=streams, collective=collective
    )
    batches = WindowBatches(TOKENS, TIME, TIME, ROWS, seed)
    if streams:
        batches = StreamBatches(TOKENS, TIME, ROWS, 12, seed)
    alone = collective is None or collective.rank == 0
    coming = iter(losses)

    def validate():
        assert alone
        loss = next(coming, 1.0)
        if isinstance(loss, Exception):
            raise loss
        return Figures(tokens=8, loss=loss, perplexity=1.0, bits_per_byte=1.0)

    return TrainingJob(
        language_model=language_model,
        optimizer=optimizer,
        step=step,
        batches=batches,
        settings=chosen,
        run=RunDirectory(folder if alone else folder / "of" / "another"),
        validate=validate,
        write_sample=lambda: {"prompt": "", "seed": 1, "samplers": [], "text": "once"},
        callback=Recorder(),
        collective=collective,
    )


class At(Interruption):
    """Asks to stop once its job has taken so many steps."""

    def __init__(self, job, steps):
        self._steps, share = steps, job.step.share

        def counted(*given):
            self._steps -= 1
            return share(*given)

        job.step.share = counted

    @property
    def requested(self):
        return self._steps <= 0


def run(folder, collective, model, stop_at=None, stopped=0, **options):
    """The state, and weights, moments and seeds, after a training from the newest checkpoint on.

    The seeds of others than the first have gone on by one step, which was not taken in the end.
    """
    job = make_job(folder, model, collective, **options)
    state = restore(job, fresh_plan=False)
    stops = stop_at is not None and collective.rank == stopped
    state = train(job, state, At(job, stop_at) if stops else Interruption())
    variables = [*model.trainable_variables, *job.optimizer.variables]
    return state, values_of(variables), values_of(model.non_trainable_variables)


def run_all(folder, size, seeds=(3, 3, 3), **options):
    folder.mkdir(exist_ok=True)
    models = [TinyModel(dropout=0.3, seed=seed) for seed in seeds[:size]]
    return work(size, lambda each: run(folder, each, models[each.rank], **options))


def assert_same(one, other):
    for values in zip(one, other, strict=True):
        np.testing.assert_array_equal(*values)


@pytest.mark.parametrize("streams", [False, True], ids=["windows", "streams"])
def test_stopped_by_any_worker_and_resumed_it_ends_as_the_run_that_was_not_stopped(
    streams, tmp_path
):
    options = {"streams": streams, "epochs": 3}
    whole = run_all(tmp_path / "whole", 2, **options)
    assert_same(whole[0][1], whole[1][1])
    for stopped in (1, 0):
        first = run_all(tmp_path / "parts", 2, stop_at=3, stopped=stopped, **options)
        assert not is_over(first[0][0], settings())
    parts = run_all(tmp_path / "parts", 2, **options)
    assert_same(parts[0][1], whole[0][1])
    assert_same(parts[0][2], whole[0][2])
    assert parts[0][0].step == whole[0][0].step > 6
    assert not (tmp_path / "parts" / "of").exists()
    rows = (tmp_path / "parts" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["step"] == whole[0][0].step


def test_a_run_goes_on_with_another_number_of_workers(tmp_path):
    first = run_all(tmp_path / "run", 3, streams=True, stop_at=3)
    again = run_all(tmp_path / "run", 2, streams=True)
    assert again[0][0].step > first[0][0].step == 3
    assert_same(again[0][1], again[1][1])


def test_the_first_worker_decides_when_it_is_over(tmp_path):
    """Early stopping: the second validation of an epoch is worse than the first."""
    options = {"losses": [2.0, 3.0] * 9, "patience": 1, "epochs": 9, "schedule": "plateau"}
    (state, weights, _), (_, others, _) = run_all(tmp_path / "run", 2, **options)
    assert is_over(state, settings(patience=1, epochs=9))
    assert state.step < state.plan.last_step
    assert_same(weights, others)


def test_a_fault_of_the_first_worker_frees_the_others(tmp_path):
    with pytest.raises(ConfigurationError, match="a fault"):
        run_all(tmp_path / "run", 2, losses=[ConfigurationError("a fault")])


# ---- what must not go unnoticed --------------------------------------------------------------


class Deaf(ThreadCollective):
    """Leaves the all-reduce out: each worker keeps its own vector."""

    def sum(self, vector):
        super().sum(vector)
        return tf.constant(vector)


class DeafToGradients(ThreadCollective):
    """Exchanges headers, and nothing behind them."""

    header = 3 + 5 * 2

    def sum(self, vector):
        summed = super().sum(vector)
        return tf.concat([summed[: self.header], vector[self.header :]], axis=0)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Deaf, "Worker . took no part"),
        (DeafToGradients, "Worker 1 has other weights than the first worker, at step 17"),
    ],
)
def test_an_exchange_that_is_left_out_is_noticed(kind, message, tmp_path):
    models = [TinyModel(), TinyModel()]

    def alone(collective):
        collective.__class__ = kind
        options = {"epochs": 6, "patience": None}
        job = make_job(tmp_path, models[collective.rank], collective, **options)
        return train(job, first_state(job), Interruption())

    with pytest.raises(WorkersError, match=message):
        work(2, alone)


def test_a_worker_with_other_weights_is_named_before_an_update(tmp_path):
    with pytest.raises(WorkersError, match=r"Worker 2 has other weights .* at step 1 "):
        run_all(tmp_path / "run", 3, seeds=(3, 3, 4))
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_a_worker_with_another_seed_of_its_batches_is_named(tmp_path):
    models = [TinyModel(), TinyModel()]

    def one(collective):
        job = make_job(tmp_path, models[collective.rank], collective, seed=collective.rank)
        return train(job, first_state(job), Interruption())

    with pytest.raises(WorkersError, match="Worker 1 has other batches"):
        work(2, one)


class Spoiling(ThreadCollective):
    """Brings one number that is not finite, from the fourth step on."""

    steps = 0

    def sum(self, vector):
        vector = np.array(vector)
        self.steps += len(vector) > 100
        if self.rank == 1 and self.steps >= 4:
            vector[-1] = np.inf
        return super().sum(vector)


def test_all_find_what_is_not_finite_in_the_same_step(tmp_path):
    models, found = [TinyModel(), TinyModel()], {}

    def spoiled(collective):
        collective.__class__ = Spoiling
        job = make_job(tmp_path, models[collective.rank], collective)
        with pytest.raises(TrainingDiverged) as error:
            train(job, first_state(job), Interruption())
        found[collective.rank] = str(error.value)

    work(2, spoiled)
    assert found[0].startswith("The gradient is no longer finite at step 4.")
    assert found[1].startswith("The gradient is no longer finite at step 4.")


def test_with_a_scaled_loss_all_leave_a_step_out_or_none():
    models = [TinyModel(), TinyModel()]

    def scaled(collective):
        collective.__class__ = Spoiling
        model, chosen = models[collective.rank], settings(batch_size=ROWS)
        optimizer = build_optimizer(chosen, model, float16=True)
        step = TrainingStep(
            wrap(model, TIME), optimizer, chosen, carries_state=False, collective=collective
        )
        weights, scales = [], []
        for number in range(5):
            step([draw_batch(ROWS, number, TIME)], 0.1)
            weights.append(values_of(model.trainable_variables))
            scales.append(float(optimizer.dynamic_scale))
        return weights, scales

    (weights, scales), (others, other_scales) = work(2, scaled)
    assert scales == other_scales
    assert scales[3] == scales[2] / 2
    assert_same(weights[3], weights[2])
    assert (weights[2][0] != weights[1][0]).any()
    for one, other in zip(weights, others, strict=True):
        assert_same(one, other)


def test_a_training_by_one_worker_imports_none_of_this():
    core = Path(textgen_core.__file__).parent
    of_workers = {"workers", "starting_workers", "supervising"}
    eager = {
        (path.name, each.module)
        for path in (*sources(core / "training"), *sources(core / "pipeline"))
        if path.parent.name != "workers" and path.stem not in of_workers
        for each in imports(parse(path))
        if each.at_module_level and not each.for_types_only
        if of_workers & set(each.module.split("."))
    }
    assert eager == set()


def test_a_batch_with_fewer_rows_than_workers_is_refused():
    check_batch(3, 3)
    with pytest.raises(ConfigurationError, match="A batch of 3 rows cannot be divided among 4"):
        check_batch(3, 4)


def test_workers_tell_each_other_what_json_holds():
    told = work(3, lambda each: each.gather({"rank": each.rank, "text": "é" * each.rank}))
    assert told == [[{"rank": rank, "text": "é" * rank} for rank in range(3)]] * 3


def test_the_first_workers_arrays_arrive_to_the_bit(monkeypatch):
    monkeypatch.setattr(transport, "_CHUNK", 4)
    arrays = [
        np.array([[-0.0, 1e-40], [np.nan, -np.inf]], np.float32),
        np.array(2**40 + 1, np.int64),
        np.array([True, False, True]),
        np.zeros((0, 2), np.float32),
    ]
    mine = [arrays, *([np.ones_like(each) for each in arrays] for _ in range(2))]
    for found in work(3, lambda each: each.from_first(mine[each.rank])):
        for one, other in zip(found, arrays, strict=True):
            assert one.tobytes() == other.tobytes()
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
