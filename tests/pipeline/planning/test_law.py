"""The law of `textgen plan`: it follows from the measured runs, and holds where it saw none."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path

import attrs
import numpy as np
import pytest

from textgen_core.pipeline.planning import law
from textgen_core.pipeline.planning.law import LAW, Case, forecast

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
# A megabyte of English in byte pairs, and the recipe's model after some minutes.
USUAL = Case(counts=2.46, uniform=4.86, tokens=463_000, seen=1_300_000, parameters=924_000)


@pytest.fixture
def fitting(monkeypatch):
    """Return the script that fits the law."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module("plan_law")
    sys.modules.pop("plan_law")


def test_the_constants_follow_from_the_runs(fitting):
    rows = fitting.read_runs(fitting.RUNS)
    known = [row for row in rows if row["text"] not in fitting.TESTED]
    assert fitting.hash_of(rows) == law.RUNS_HASH, "fit again: tests/benchmarks/plan_law.py"
    fitted = attrs.asdict(fitting.fit(known))
    assert fitted == pytest.approx(attrs.asdict(LAW), abs=2e-3)
    left_out = fitting.errors_left_out(
        known, lambda others, out: fitting.errors_of(fitting.fit(others), out)
    )
    assert fitting.half_interval(left_out) == pytest.approx(law.HALF_INTERVAL, abs=2e-3)


def test_four_of_five_forecasts_of_texts_that_it_never_saw_are_close(fitting):
    tested = [row for row in fitting.read_runs(fitting.RUNS) if row["text"] in fitting.TESTED]
    errors = np.abs(fitting.errors_of(LAW, tested))
    assert len({row["text"] for row in tested}) >= 4
    assert np.mean(errors <= fitting.CLOSE) >= 0.8


def test_what_was_measured_is_what_the_runs_have(fitting):
    rows = fitting.read_runs(fitting.RUNS)
    for name, (low, high) in law.MEASURED.items():
        figures = fitting.column(rows, name)
        assert (figures.min(), figures.max()) == pytest.approx((low, high), rel=0.01)


def test_more_training_is_never_worse_and_never_beyond_guessing():
    longer = [attrs.evolve(USUAL, seen=seen) for seen in np.geomspace(1e3, 1e10, 50)]
    losses = [forecast(each).bits_per_byte for each in longer]
    assert losses == sorted(losses, reverse=True)
    assert 0 < losses[-1] < losses[0] <= USUAL.counts
    begins = forecast(attrs.evolve(USUAL, seen=1))
    assert begins.network <= USUAL.uniform + 1e-9


def test_beyond_what_was_measured_an_interval_is_wider_and_says_so():
    within = forecast(USUAL)
    beyond = forecast(attrs.evolve(USUAL, tokens=1e9, seen=1e10))
    assert within.outside == ()
    assert beyond.outside == ("tokens", "seen")
    assert beyond.high - beyond.low > 2 * (within.high - within.low)
    assert within.high - within.bits_per_byte == pytest.approx(law.HALF_INTERVAL)


def test_a_forecast_of_a_tiny_text_is_a_number():
    tiny = forecast(Case(counts=6.0, uniform=6.5, tokens=50, seen=2048, parameters=165_000))
    assert math.isfinite(tiny.bits_per_byte)
    assert tiny.low < tiny.bits_per_byte <= 6.0
