"""What a step costs here: measured once, kept, and measured again where another is trained."""

from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest

from textgen_core.config.resolve import configure
from textgen_core.corpus import read_texts
from textgen_core.errors import OutOfMemory
from textgen_core.pipeline.planning import step_costs
from textgen_core.pipeline.planning.measuring import measure_size
from textgen_core.pipeline.planning.sizes import MEDIUM
from textgen_core.pipeline.planning.step_costs import pace_of
from textgen_core.pipeline.preparing import build_model, prepare
from textgen_core.registry import discover
from textgen_core.training.gauge import StepCost

TINY = {"model": "transformer:layers=1,heads=1,feed_forward=32", "tokenizer": "character"}
BRIEF = ["data.sequence_length=16", "training.batch_size=2", "training.compile=eager"]


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Return what measures a step of a model on a text, and the jobs that it timed so far."""
    (tmp_path / "text.txt").write_text("the cat sat on the mat. " * 40)
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    timed = []

    def compare_step(job):
        timed.append(job)
        return StepCost(first=7.0, seconds=1.0, gauge=0.5, ratio=2.0)

    monkeypatch.setattr(step_costs, "compare_step", compare_step)

    def measure(product=0.1, settings=(), *, as_size=False, **changes):
        arguments = {**TINY, "corpus": [str(tmp_path / "text.txt")], **changes}
        given = {"recipe": "fast", "settings": [*BRIEF, *settings]}
        configuration = configure(arguments, discover(), **given)
        prepared = prepare(read_texts(configuration.corpus), configuration)
        if as_size:
            facts = SimpleNamespace(counts_bytes=0)
            return measure_size(MEDIUM, configuration, prepared, facts, product)
        model = build_model(configuration, prepared.tokenizer)
        return pace_of(configuration, prepared, model, product)

    return measure, timed


def test_a_step_costs_as_many_products_as_measured_at_the_pace_of_now(measured):
    measure, timed = measured
    quiet, busy = measure(product=0.1), measure(product=0.3)
    assert len(timed) == 1  # what was kept serves the other
    assert (quiet.step_seconds, busy.step_seconds) == pytest.approx((0.2, 0.6))
    assert quiet.compiling == busy.compiling == pytest.approx(6.0)
    assert quiet.step_tokens == 32


@pytest.mark.parametrize(
    "other",
    [
        {"model": "transformer:layers=2,heads=1,feed_forward=32"},
        {"settings": ["training.batch_size=4"]},
        {"settings": ["data.sequence_length=8"]},
        {"settings": ["training.optimizer=adam"]},
        {"tokenizer": "bpe:vocabulary_size=300"},
    ],
    ids=str,
)
def test_another_step_is_measured_for_itself(measured, other):
    measure, timed = measured
    measure()
    measure(**other)
    assert len(timed) == 2


def test_how_long_a_run_is_changes_nothing_of_its_step(measured):
    measure, timed = measured
    measure()
    measure(minutes=30)
    assert len(timed) == 1


def test_other_cores_have_another_cost(measured, monkeypatch):
    measure, timed = measured
    measure()
    monkeypatch.setattr(step_costs, "cores", lambda: 64)
    measure()
    assert len(timed) == 2


@pytest.mark.parametrize(
    "damage",
    ["", "[1]", '{"products": 2.0}', '{"products": -1, "compiling": 1}', "torn {"],
    ids=["empty", "a list", "half", "negative", "torn"],
)
def test_a_damaged_file_is_measured_and_written_again(measured, damage, tmp_path):
    measure, timed = measured
    measure()
    (kept,) = (tmp_path / "cache").glob("step-*.json")
    kept.write_text(damage)
    assert measure().step_seconds == pytest.approx(0.2)
    assert len(timed) == 2
    measure()
    assert len(timed) == 2


def test_where_nothing_can_be_kept_it_is_measured_each_time(measured, monkeypatch):
    measure, timed = measured
    monkeypatch.setattr(step_costs, "step_key", lambda *_, **__: None)
    assert attrs.asdict(measure()) == attrs.asdict(measure())
    assert len(timed) == 2


def test_a_size_whose_step_does_not_fit_into_memory_is_not_recommended(measured, monkeypatch):
    """That is found only when it is tried, where less is free than the system says."""

    def too_large(*_):
        raise OutOfMemory("A batch does not fit.")

    measure, _ = measured
    monkeypatch.setattr(step_costs, "compare_step", too_large)
    facts = measure(as_size=True)
    assert not facts.fits
    assert facts.pace.step_seconds > 0
