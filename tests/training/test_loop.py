"""When validations, samples, checkpoints and log rows come, and how a run ends."""

import itertools
import json
import math
import threading
import time

import attrs
import keras
import numpy as np
import pytest
import tensorflow as tf
from training.fake_job import (
    FakeBatches,
    FakeClock,
    FakeStep,
    InterruptedAfter,
    make_job,
    train_whole,
)
from training.tiny import TinyModel, draw_batch, make_step, settings, wrap

from textgen_core.errors import TrainingDiverged
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json, read_rows
from textgen_core.training import loop
from textgen_core.training.checkpoint import load_state
from textgen_core.training.job import first_state, last_step_of
from textgen_core.training.loop import LOG_EVERY, train


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path)


def of_epochs(epochs, **changes):
    return settings(**{"epochs": epochs, "patience": None, "schedule": "constant", **changes})


def of_steps(steps, **changes):
    return settings(**{"epochs": None, "steps": steps, "schedule": "constant", **changes})


def of_minutes(seconds, **changes):
    return settings(**{"epochs": None, "minutes": seconds / 60, "schedule": "linear", **changes})


# ---- events -----------------------------------------------------------------------------------


def test_events_come_at_every_epoch_and_every_tenth_of_the_run(run):
    job = make_job(run, of_epochs(3), batches_per_epoch=20)
    train_whole(job)
    tenths = {6 * tenth for tenth in range(1, 11)}
    expected = sorted(tenths | {20, 40, 60})
    assert job.callback.steps_of("validation") == expected
    assert job.callback.steps_of("sample") == expected
    assert job.callback.steps_of("checkpoint") == expected


@pytest.mark.parametrize(("epochs", "batches"), [(1, 1), (1, 7), (2, 3), (25, 2), (1, 1003)])
def test_no_stretch_between_events_is_longer_than_a_tenth_and_every_epoch_ends_in_one(
    run, epochs, batches
):
    job = make_job(run, of_epochs(epochs), batches_per_epoch=batches)
    state = train_whole(job)
    steps = job.callback.steps_of("validation")
    assert state.step == steps[-1] == epochs * batches
    assert len(set(steps)) == len(steps)
    longest = math.ceil(epochs * batches / 10)
    assert all(after - before <= longest for before, after in zip([0, *steps], steps))
    assert {batches * number for number in range(1, epochs + 1)} <= set(steps)


@pytest.mark.parametrize(
    ("steps", "batches", "event_steps", "expected"),
    [
        (100, 40, 0.1, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),  # epochs end there too
        (100, 30, 0.1, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
        (100, 33, 0.1, [10, 20, 30, 33, 40, 50, 60, 66, 70, 80, 90, 99, 100]),
        (100, 33, 0.9, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),  # of 13, 11 would be paid for
        (100, 33, 1.1, [20, 40, 60, 80, 100]),
        (100, 1, 0.9, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
        (100, 1, 3.0, [40, 80, 100]),
        (100, 1, 9.0, [100]),
        (3, 7, 0.0, [1, 2, 3]),
        (1, 7, 99.0, [1]),
    ],
)
def test_in_a_run_of_steps_events_take_a_tenth_of_them_at_most_and_the_last_step_has_one(
    run, steps, batches, event_steps, expected
):
    job = make_job(run, of_steps(steps), batches_per_epoch=batches)
    job = attrs.evolve(job, event_steps=event_steps)
    state = train_whole(job)
    assert state.step == steps
    assert job.callback.steps_of("validation") == expected


@pytest.mark.parametrize("stop_at", [3, 10, 15, 39, 41, 79, 99])
def test_a_run_of_steps_that_goes_on_has_its_events_where_it_would_have_had_them(run, stop_at):
    def job():
        return attrs.evolve(make_job(run, of_steps(100), batches_per_epoch=9), event_steps=3.0)

    before, after = job(), job()
    state = train(before, first_state(before), InterruptedAfter(before, stop_at))
    assert state.step == stop_at
    train_whole(after, state)
    steps = [step for each in (before, after) for step in each.callback.steps_of("validation")]
    assert steps == [40, 80, 100]


def test_a_run_of_steps_does_not_stop_early_and_its_schedule_ends_with_it(run):
    chosen = of_steps(40, patience=1, schedule="linear", warm_up=0.1)
    job = make_job(run, chosen, batches_per_epoch=4, losses=itertools.repeat(3.0))
    assert train_whole(job).step == 40
    assert job.step.rates[3] == pytest.approx(chosen.learning_rate * 3 / 4)
    assert job.step.rates[-1] < chosen.learning_rate / 10
    constant = make_job(run, of_steps(9, schedule="plateau"), batches_per_epoch=1)
    train_whole(constant)
    assert {*constant.step.rates} == {chosen.learning_rate}


def test_an_event_validates_then_samples_then_saves(run):
    job = make_job(run, of_epochs(1), batches_per_epoch=1)
    train_whole(job)
    assert [each[0] for each in job.callback.told] == ["row", "validation", "sample", "checkpoint"]


def test_every_batch_is_seen_once_in_order(run):
    job = make_job(run, of_epochs(2, accumulate=3), batches_per_epoch=7)
    train_whole(job)
    assert job.batches.asked == list(range(15))  # 14, and one more to fill the last update
    assert last_step_of(job.settings, job.batches) == 5


def test_rows_are_logged_every_tenth_step_and_before_an_event_and_lose_no_token(run):
    job = make_job(run, of_epochs(1), batches_per_epoch=250)
    train_whole(job)
    rows = job.callback.rows_of("row")
    steps = [row["step"] for row in rows]
    assert steps == sorted({*range(LOG_EVERY, 251, LOG_EVERY), *range(25, 251, 25)})
    before = 0
    for row in rows:
        losses = [1 / (1 + index) for index in range(before, row["step"])]
        assert row["loss"] == pytest.approx(sum(losses) / len(losses))
        assert row["tokens"] == 8 * row["step"]
        before = row["step"]


def test_the_logs_hold_what_the_callback_is_told_under_the_names_of_the_format(run):
    job = make_job(run, of_epochs(2), batches_per_epoch=10)
    train_whole(job)
    rows = list(read_rows(run.metrics))
    training = [row for row in rows if "loss" in row]
    validation = [row for row in rows if "validation_loss" in row]
    assert training == job.callback.rows_of("row")
    assert validation == job.callback.rows_of("validation")
    assert len(rows) == len(training) + len(validation)
    assert list(training[0]) == [
        "step",
        "epoch",
        "tokens",
        "seconds",
        "loss",
        "learning_rate",
        "tokens_per_second",
        "gradient_norm",
    ]
    assert list(validation[0]) == [
        "step",
        "validation_loss",
        "validation_perplexity",
        "validation_bits_per_byte",
    ]
    assert [row["epoch"] for row in training if row["step"] in (10, 12, 20)] == [1, 2, 2]
    assert list(next(read_rows(run.samples))) == ["step", "prompt", "seed", "samplers", "text"]


def test_the_learning_rate_of_a_row_is_the_one_that_its_step_used(run):
    job = make_job(run, of_epochs(1, schedule="linear", warm_up=0.2), batches_per_epoch=20)
    train_whole(job)
    for row in job.callback.rows_of("row"):
        assert row["learning_rate"] == job.step.rates[row["step"] - 1]
    assert all(rate > 0 for rate in job.step.rates)


def test_a_long_stretch_without_events_is_saved_by_the_clock(run):
    chosen = of_epochs(1, checkpoint_seconds=0.05)
    job = make_job(run, chosen, batches_per_epoch=40, step=FakeStep(seconds=0.02))
    train_whole(job)
    between = set(job.callback.steps_of("checkpoint")) - set(job.callback.steps_of("validation"))
    assert between


def test_progress_is_told_from_nothing_to_all(run):
    job = make_job(run, of_epochs(2), batches_per_epoch=20)
    train_whole(job)
    told = [each[3] for each in job.callback.told if each[0] == "row"]
    assert told == sorted(told)
    assert told[-1] == 1


def test_notes_that_the_step_makes_on_its_way_are_passed_on_once(run):
    job = make_job(run, of_epochs(1), batches_per_epoch=30, step=FakeStep(note_at=3))
    train_whole(job)
    assert job.callback.steps_of("warning") == [
        "The step runs as a graph.",
        "It is taken in parts.",
    ]


# ---- what validations do ----------------------------------------------------------------------


def test_best_json_names_the_checkpoint_of_the_lowest_validation_loss(run):
    losses = [3.0, 2.0, 2.5, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0, 2.1]
    job = make_job(run, of_epochs(1), batches_per_epoch=10, losses=losses)
    state = train_whole(job)
    assert (state.best_step, state.best_loss) == (4, 1.5)
    assert read_json(run.best) == {"checkpoint": "step-00000004", "validation_loss": 1.5}
    assert run.saved_steps() == [4, 8, 9, 10]


def test_without_a_validation_split_the_newest_checkpoint_is_the_best(run):
    job = make_job(run, of_epochs(1), batches_per_epoch=10, losses=[None] * 10)
    state = train_whole(job)
    assert state.best_step == 10
    assert read_json(run.best)["checkpoint"] == "step-00000010"
    assert job.callback.steps_of("validation") == []


def test_patience_stops_at_an_epochs_end(run):
    losses = {4: 2.0, 8: 1.0, 12: 1.1, 16: 1.2}
    chosen = of_epochs(100, patience=2)
    job = make_job(run, chosen, batches_per_epoch=4, losses=losses.values())
    # Of 400 steps a tenth is 40, so that the first validations are those of the epochs.
    state = train_whole(job)
    assert state.step == 16
    assert state.epochs_without_gain == 2
    assert run.saved_steps()[-1] == 16


def test_patience_counts_epochs_not_tenths(run):
    losses = [5.0, 6.0, 7.0, 8.0, 9.0, 4.0]  # the last at the end of the only epoch
    job = make_job(run, of_epochs(1, patience=1), batches_per_epoch=10, losses=losses)
    assert train_whole(job).step == 10


def test_the_plateau_lowers_the_rate_from_the_next_step_on(run):
    losses = [1.0, 2.0, 0.5, 0.6]
    chosen = of_epochs(4, schedule="plateau", learning_rate=0.8)
    job = make_job(run, chosen, batches_per_epoch=1, losses=losses)
    train_whole(job)
    assert job.step.rates == [0.8, 0.8, 0.4, 0.4]


@pytest.mark.parametrize("losses", [[], [None] * 99], ids=["validated", "nothing held out"])
def test_halving_halves_the_rate_with_each_epoch(run, losses):
    chosen = of_epochs(3, schedule="halving", learning_rate=0.8)
    job = make_job(run, chosen, batches_per_epoch=2, losses=losses)
    train_whole(job)
    assert job.step.rates == [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]


def test_halving_waits_for_the_epochs_at_the_full_rate_as_zaremba_et_al_do(run):
    chosen = of_epochs(7, schedule="halving", halve_after=4, learning_rate=1.0)
    job = make_job(run, chosen, batches_per_epoch=2)
    train_whole(job)
    by_epoch = [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.125]
    assert job.step.rates == [rate for rate in by_epoch for _ in range(2)]


@pytest.mark.parametrize("after", range(1, 12))
def test_halving_goes_on_exactly_where_it_was_stopped(run, after):
    chosen = of_epochs(6, schedule="halving", halve_after=2, learning_rate=1.0)
    first = make_job(run, chosen, batches_per_epoch=2)
    train(first, first_state(first), InterruptedAfter(first, after))
    second = make_job(run, chosen, batches_per_epoch=2)
    train_whole(second, load_state(run, after))
    assert first.step.rates + second.step.rates == [1.0] * 4 + [
        0.5**halvings for halvings in (1, 1, 2, 2, 3, 3, 4, 4)
    ]


def test_a_run_that_is_trained_further_halves_anew_from_the_full_rate(run):
    job = make_job(run, of_epochs(3, schedule="halving", learning_rate=1.0), batches_per_epoch=2)
    state = train_whole(job).with_fresh_plan(last_step=10)
    chosen = of_epochs(5, schedule="halving", halve_after=1, learning_rate=1.0)
    further = make_job(run, chosen, batches_per_epoch=2)
    train_whole(further, state)
    assert further.step.rates == [1.0, 1.0, 0.5, 0.5]


# ---- ends -------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 3, 10, 14])
def test_an_interruption_saves_where_it_stands(run, after):
    job = make_job(run, of_epochs(2), batches_per_epoch=10)
    state = train(job, first_state(job), InterruptedAfter(job, after))
    assert state.step == after
    assert run.saved_steps()[-1] == after
    assert load_state(run, after) == state


def without_clock(path):
    clock = ("seconds", "tokens_per_second")
    return [{key: row[key] for key in row if key not in clock} for row in read_rows(path)]


@pytest.mark.parametrize("after", range(1, 20))
def test_a_run_that_goes_on_writes_the_rows_of_one_that_never_stopped(tmp_path, after):
    chosen = of_epochs(2, schedule="plateau")
    losses = [1.0 / (1 + number % 3) for number in range(20)]
    whole = make_job(RunDirectory(tmp_path / "whole"), chosen, 13, losses=losses)
    whole.run.path.mkdir()
    end = train_whole(whole)

    run = RunDirectory(tmp_path / "parts")
    run.path.mkdir()
    first = make_job(run, chosen, 13, losses=losses)
    state = train(first, first_state(first), InterruptedAfter(first, after))
    done = len(first.callback.steps_of("validation"))
    second = make_job(run, chosen, 13, losses=losses[done:])
    again = train_whole(second, load_state(run, state.step))

    assert without_clock(run.metrics) == without_clock(whole.run.metrics)
    assert without_clock(run.samples) == without_clock(whole.run.samples)
    assert first.step.rates + second.step.rates == whole.step.rates
    assert {**again.as_json(), "seconds": 0} == {**end.as_json(), "seconds": 0}
    assert run.saved_steps() == whole.run.saved_steps()
    assert read_json(run.best) == read_json(whole.run.best)


def test_a_loss_that_is_not_finite_ends_the_run_with_its_cause_and_keeps_the_checkpoints(run):
    chosen = of_epochs(1, schedule="linear", warm_up=0.9, learning_rate=3.0, clip_norm=1.0)
    job = make_job(run, chosen, batches_per_epoch=20, step=FakeStep(diverges_at=6))
    with pytest.raises(TrainingDiverged) as caught:
        train_whole(job)
    text = str(caught.value)
    assert text.count("\n") <= 2
    assert "The loss is no longer finite at step 6" in text
    assert "learning rate of 3 is too high" in text
    assert "--learning-rate 1;" in text  # a third of the setting, not of the warm-up's rate
    assert "the checkpoint of step 4 is kept" in text
    assert run.saved_steps() == [2, 4]


def test_a_loss_that_explodes_without_ever_being_infinite_has_diverged_too(run):
    step = FakeStep(diverges_at=6, worst=8 * 21 * math.log(50))
    job = make_job(run, of_epochs(1), batches_per_epoch=20, step=step)
    with pytest.raises(
        TrainingDiverged, match="The loss has exploded to 82 nats a token at step 6"
    ):
        train_whole(job)
    assert run.saved_steps() == [2, 4]


@pytest.mark.parametrize("first", [1, 6])
def test_a_loss_that_is_only_bad_has_not_diverged(run, first):
    step = FakeStep(diverges_at=first, worst=8 * (19 if first > 1 else 90) * math.log(50))
    job = make_job(run, of_epochs(1), batches_per_epoch=20, step=step)
    assert train_whole(job).step == 20


def test_a_run_that_diverges_at_once_speaks_of_no_checkpoint_and_blames_no_learning_rate(run):
    job = make_job(run, of_epochs(1), batches_per_epoch=20, step=FakeStep(diverges_at=1))
    with pytest.raises(TrainingDiverged) as caught:
        train_whole(job)
    assert "checkpoint" not in str(caught.value)
    assert "learning rate" not in str(caught.value)
    assert run.saved_steps() == []


# ---- what runs beside the steps ---------------------------------------------------------------


class FailingBatches(FakeBatches):
    def batch(self, index):
        if index == 7:
            raise OSError("the disk is gone")
        return super().batch(index)


def threads():
    return [each for each in threading.enumerate() if each.name.startswith("textgen-batches")]


def test_no_thread_is_left_whether_training_ends_breaks_or_is_stopped(run):
    train_whole(make_job(run, of_epochs(1), batches_per_epoch=5))
    assert threads() == []
    diverging = make_job(run, of_epochs(1), batches_per_epoch=20, step=FakeStep(diverges_at=6))
    with pytest.raises(TrainingDiverged):
        train_whole(diverging)
    assert threads() == []
    job = make_job(run, of_epochs(1), batches_per_epoch=20)
    train(job, first_state(job), InterruptedAfter(job, 3))
    assert threads() == []


def test_a_batch_that_cannot_be_read_ends_the_run_at_its_step(run):
    job = attrs.evolve(make_job(run, of_epochs(1), 20), batches=FailingBatches(20))
    with pytest.raises(OSError, match="the disk is gone"):
        train_whole(job)
    assert len(job.step.rates) == 7
    assert threads() == []


def test_a_profile_that_was_asked_for_is_written_into_the_run(run):
    job = make_job(run, of_epochs(1, profile=(3, 4)), batches_per_epoch=6)
    train_whole(job)
    assert list((run.path / "profile").rglob("*.xplane.pb"))
    assert job.callback.steps_of("warning") == []


def test_nothing_is_trained_where_nothing_is_left(run):
    job = make_job(run, of_epochs(1), batches_per_epoch=5)
    state = train_whole(job)
    rows = run.metrics.read_text()
    again = make_job(run, of_epochs(1), batches_per_epoch=5)
    assert train_whole(again, state) == state
    assert again.step.rates == []
    assert run.metrics.read_text() == rows


# ---- on the clock -----------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(loop, "time", clock)
    return clock


def timed(job, clock, state=None):
    """Train, and return the seconds that it took and the state."""
    began = clock.perf_counter()
    state = train_whole(job, state)
    return clock.perf_counter() - began, state


def clocked(run, clock, seconds, step_seconds=0.02, batches_per_epoch=10**6, event_seconds=()):
    step = FakeStep(seconds=step_seconds, clock=clock)
    chosen = of_minutes(seconds, learning_rate=1.0)
    return make_job(run, chosen, batches_per_epoch, step=step, event_seconds=event_seconds)


@pytest.mark.parametrize("event_seconds", [[], [0.2], [8.0, 0.2], [0.2, 0.2, 0.2, 0.3]], ids=str)
def test_a_run_of_minutes_ends_on_time_and_at_the_schedules_end(run, clock, event_seconds):
    job = clocked(run, clock, 30.0, event_seconds=event_seconds)
    taken, state = timed(job, clock)
    assert taken == pytest.approx(30.0, rel=0.05)
    assert state.plan.progress_at(state.step) == 1
    rates = job.step.rates
    assert rates[0] == 1.0
    assert rates[-1] < 0.05
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates))
    assert 9 <= len(job.callback.steps_of("validation")) <= 11


def test_a_run_of_seconds_whose_first_event_is_the_longest_ends_on_time(run, clock):
    job = clocked(run, clock, 2.0, step_seconds=0.01, event_seconds=[0.2, 0.01])
    taken, state = timed(job, clock)
    assert taken == pytest.approx(2.0, rel=0.05)
    assert state.seconds == pytest.approx(2.0, rel=0.05)


def test_the_seconds_of_a_run_are_those_of_the_real_clock(run):
    job = make_job(run, of_minutes(0.1), 10**6, step=FakeStep(seconds=0.01))
    taken, state = timed(job, time)
    assert 0.01 * state.step <= state.seconds <= taken


@pytest.mark.parametrize("event_seconds", [[0.1], [3.0, 0.1], [1.0]], ids=str)
@pytest.mark.parametrize("seconds", [12.0, 30.0, 60.0])
def test_a_compilation_of_a_third_of_the_time_is_part_of_it(run, clock, seconds, event_seconds):
    job = clocked(run, clock, seconds, event_seconds=event_seconds)
    step, compiled = job.step.clock.sleep, []

    def sleep(wanted):
        step(wanted if compiled else seconds / 3)
        compiled.append(True)

    job.step.clock.sleep = sleep
    taken, state = timed(job, clock)
    assert taken == pytest.approx(seconds, rel=0.05)
    assert state.plan.progress_at(state.step) == 1
    assert job.step.rates[-1] < 0.1
    assert all(later <= earlier for earlier, later in itertools.pairwise(job.step.rates))


@pytest.mark.parametrize(
    ("seconds", "slowness"), [(30.0, 2), (30.0, 8), (60.0, 1), (60.0, 4), (60.0, 16), (180.0, 8)]
)
def test_on_a_slow_machine_events_take_at_most_a_tenth_of_the_time(run, clock, slowness, seconds):
    step, event, compilation = 0.08 * slowness, 0.5 * slowness, 1.5 * slowness
    spent = [compilation + event, event]
    job = clocked(run, clock, seconds, step_seconds=step, event_seconds=spent)
    plain, began = job.step.clock.sleep, clock.now
    # The first step compiles too.
    job.step.clock.sleep = lambda wanted: plain(wanted + 2 * compilation * (clock.now < began + 1))
    taken, state = timed(job, clock)
    events = len(job.callback.steps_of("validation"))
    assert taken <= seconds * 1.02 + step or events == 1, (taken, events)
    assert events * event <= seconds / 10 or events == 1, events
    assert events >= min(10, int(0.7 * seconds / 10 / event)), "the tenth is used"
    compiling = 3 * compilation
    trained = step * state.step
    assert trained >= 0.65 * (seconds - compiling - event) or seconds < 1.5 * compiling


def test_events_that_cannot_all_be_paid_for_are_spread_over_the_run(run, clock):
    job = clocked(run, clock, 100.0, step_seconds=0.1, event_seconds=[1.9])
    timed(job, clock)
    _, *steps = job.callback.steps_of("validation")  # the second one says what they cost
    assert len(steps) == 4
    assert steps[0] < 0.5 * steps[-1]
    assert all(later - earlier > 0.15 * steps[-1] for earlier, later in itertools.pairwise(steps))


def test_a_speed_that_changes_is_followed(run, clock):
    job = clocked(run, clock, 60.0)
    plain = job.step.clock.sleep
    job.step.clock.sleep = lambda seconds: plain(seconds * (3 if clock.now > 1020 else 1))
    taken, state = timed(job, clock)
    assert taken == pytest.approx(60.0, rel=0.05)
    assert state.plan.progress_at(state.step) == 1


def test_validations_that_cost_too_much_are_passed_over_and_the_time_is_kept(run, clock):
    job = clocked(run, clock, 60.0, event_seconds=[10.0])
    taken, _ = timed(job, clock)
    assert taken == pytest.approx(60.0, rel=0.05)
    assert 2 <= len(job.callback.steps_of("validation")) <= 3
    assert len(job.step.rates) > 1000


def test_steps_too_slow_to_be_measured_do_not_run_past_the_time(run, clock):
    taken, state = timed(clocked(run, clock, 60.0, step_seconds=45.0), clock)
    assert (state.step, round(taken)) == (1, 45)


def test_short_epochs_bring_no_validation_of_their_own_on_the_clock(run, clock):
    job = clocked(run, clock, 30.0, batches_per_epoch=2)
    timed(job, clock)
    assert len(job.callback.steps_of("validation")) <= 12


def test_on_the_clock_epochs_bring_none_of_their_own_and_have_one_near(run, clock):
    job = clocked(run, clock, 30.0, batches_per_epoch=700)
    _, state = timed(job, clock)
    validated = job.callback.steps_of("validation")
    assert len(validated) == 10
    for epoch in (700, 1400):
        assert min(abs(step - epoch) for step in validated) <= 0.06 * state.step


def test_a_run_of_minutes_that_goes_on_has_only_what_is_left(run, clock):
    job = clocked(run, clock, 30.0)
    state = train(job, first_state(job), InterruptedAfter(job, 500))
    assert 10 < state.seconds < 20
    taken, end = timed(clocked(run, clock, 30.0), clock, load_state(run, state.step))
    assert taken == pytest.approx(30.0 - state.seconds, rel=0.1)
    assert end.seconds == pytest.approx(30.0, rel=0.05)


def test_what_has_gone_by_before_a_run_of_minutes_begins_is_part_of_them(run, clock):
    job = attrs.evolve(clocked(run, clock, 30.0), spent=9.0)
    taken, state = timed(job, clock)
    assert taken == pytest.approx(21.0, rel=0.05)
    assert state.seconds == pytest.approx(30.0, rel=0.05)
    assert state.plan.progress_at(state.step) == 1


def test_a_state_on_disk_is_plain_json(run):
    job = make_job(run, of_epochs(1), batches_per_epoch=10, losses=[None] * 10)
    train_whole(job)
    values = json.loads((run.checkpoint(10) / "state.json").read_text())
    assert values["best_loss"] is None
    assert load_state(run, 10).best_loss == math.inf


def test_rows_hold_the_gradients_norm_before_clipping_of_their_last_step(run):
    model, chosen = TinyModel(), settings(learning_rate=1e-30, clip_norm=0.01, epochs=1)
    step, optimizer = make_step(model, chosen)
    batches = [draw_batch(3, seed=seed) for seed in range(14)]
    job = attrs.evolve(
        make_job(run, chosen, batches_per_epoch=14, step=FakeStep()),
        language_model=wrap(model),
        optimizer=optimizer,
        step=step,
        batches=FixedBatches(batches),
    )
    train_whole(job)
    rows = [row for row in read_rows(run.metrics) if "loss" in row]
    assert [row["step"] for row in rows] == [2, 3, 5, 6, 7, 9, 10, 12, 13, 14]
    for row in rows:
        assert row["gradient_norm"] == pytest.approx(norm_of(model, batches[row["step"] - 1]), 1e-5)
    assert min(row["gradient_norm"] for row in rows) > chosen.clip_norm


def norm_of(model, batch):
    """The norm of the gradient of the mean loss, of tensors put one behind the other."""
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(
            batch.targets, model(batch.inputs), from_logits=True
        )
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, [each.value for each in model.trainable_variables])
    flat = [tf.reshape(tf.convert_to_tensor(each), [-1]) for each in gradients]
    return float(np.linalg.norm(np.concatenate(flat)))


class FixedBatches:
    def __init__(self, batches):
        self.batches_per_epoch, self.batch = len(batches), batches.__getitem__


def test_a_norm_that_a_scaled_loss_makes_overflow_is_left_out_of_its_row(run):
    train_whole(make_job(run, of_epochs(1), 20, step=FakeStep(norm=math.inf)))
    rows = [row for row in read_rows(run.metrics) if "loss" in row]
    assert rows
    assert all("gradient_norm" not in row for row in rows)


def test_rows_say_in_how_many_micro_batches_a_batch_that_did_not_fit_was_computed(run):
    step = FakeStep()
    step.micro_batches = 2
    train_whole(make_job(run, of_epochs(1), 20, step=step))
    rows = [row for row in read_rows(run.metrics) if "loss" in row]
    assert rows
    assert all(row["micro_batches"] == 2 for row in rows)
