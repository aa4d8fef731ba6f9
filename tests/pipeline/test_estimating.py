"""What a run would take: the plan of its time, and the words for it."""

from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest

from textgen_core.config.settings import TrainingSettings
from textgen_core.pipeline import estimating, refitting
from textgen_core.pipeline.estimating import Estimate

FIRST, STEP = 5.0, 0.1  # seconds


def planned(monkeypatch, first=FIRST, **settings):
    """Return the steps and seconds of a training whose steps take what is measured here."""
    monkeypatch.setattr(refitting, "time_steps", lambda job, count: [first, *[STEP] * (count - 1)])
    given = TrainingSettings(**{"epochs": None, **settings})
    batches = SimpleNamespace(batches_per_epoch=70)
    job = SimpleNamespace(settings=given, batches=batches, event_steps=4.0)
    return estimating._training(job, lambda what, done, total: None)


def test_the_steps_of_some_minutes_leave_time_to_compile_and_for_validations(monkeypatch):
    steps, seconds = planned(monkeypatch, minutes=1.0)
    assert 0.75 < steps * STEP / (60 - FIRST) < 0.95
    assert seconds == 60


def test_a_run_whose_minutes_go_by_in_compiling_has_hardly_a_step(monkeypatch):
    assert planned(monkeypatch, first=50.0, minutes=1.0) == (1, 60)


def test_a_run_of_minutes_ends_with_its_most_passes(monkeypatch):
    steps, seconds = planned(monkeypatch, minutes=1.0, most_passes=2.0)
    assert steps == 140
    assert FIRST + 140 * STEP < seconds < 60


def test_a_run_of_epochs_has_their_steps(monkeypatch):
    steps, seconds = planned(monkeypatch, epochs=3)
    assert steps == 210
    assert 210 * STEP < seconds < 2 * 210 * STEP


@pytest.mark.parametrize(("asked", "events"), [(500, 10), (100, 2), (9, 1)])
def test_a_run_of_steps_has_as_many_and_the_validations_that_they_pay_for(
    asked, events, monkeypatch
):
    steps, seconds = planned(monkeypatch, steps=asked)
    assert steps == asked
    assert seconds == pytest.approx((asked + 4 * events) * STEP)


@pytest.mark.parametrize(
    ("passes", "told"), [(0.394, "0.39 passes"), (1.0, "1 pass"), (9.4, "9.4")]
)
def test_an_estimate_is_told_with_units(passes, told):
    found = Estimate(
        steps=1234,
        passes=passes,
        seconds=180.0,
        parameters=923_768,
        memory_bytes=201_000_000,
        disk_bytes=60_500_000,
    )
    training, model, needs = found.sentences("transformer")
    assert training.startswith(f"Training: about 1,234 steps in 3 min, {told}")
    assert model == "Model: transformer, 923,768 parameters."
    assert needs == "It takes about 201 MB of memory and 60.5 MB of disk."
    assert set(attrs.asdict(found)) >= {"steps", "memory_bytes", "disk_bytes"}
