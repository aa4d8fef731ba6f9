from __future__ import annotations

from pathlib import Path

import pytest

from textgen_core.report.fields import Table
from textgen_core.report.readings import Reading, describe_metrics
from textgen_core.report.records import Records


def read(key: str, value: float | None = 0.25) -> Reading:
    evaluation = Table(Path("evaluation.json"), {"metrics": {"any": {key: value}}})
    [measured] = describe_metrics(Records(name="run", evaluation=evaluation))
    [reading] = measured.readings
    return reading


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("bleu", "BLEU"),
        ("distinct_3", "Distinct 3-grams"),
        ("rep_2", "Repeated 2-grams"),
        ("rep_4", "Repeated 4-grams"),
        ("longest_loop", "Longest loop"),
    ],
)
def test_known_figures_have_a_name_and_a_sentence(key: str, name: str):
    reading = read(key)
    assert (reading.key, reading.name) == (key, name)
    assert reading.help.endswith(".")
    assert "{" not in reading.help


@pytest.mark.parametrize("key", ["warmth", "distinct_", "rep_22", "{n}"])
def test_unknown_figures_are_shown_with_their_key(key: str):
    assert read(key) == Reading(key="", name=key, value="0.250", help="")


def test_a_figure_that_was_undefined_is_a_dash():
    assert read("bleu", None).value == "–"


def test_a_run_that_was_not_scored_has_no_metrics():
    assert describe_metrics(Records(name="run")) == ()
