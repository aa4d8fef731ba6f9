from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from textgen_core.report.records import Records, Table
from textgen_core.report.sections.interpretations import Measured, Reading, describe_metrics


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
        ("longest_copied", "Longest verbatim overlap"),
        ("mean_longest_copied", "Longest verbatim overlap, mean"),
        ("copied_8", "8-grams of the training text"),
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


def measured(**evaluation: Any) -> Measured:
    table = Table(Path("evaluation.json"), evaluation)
    [found] = describe_metrics(Records(name="run", evaluation=table))
    return found


def test_a_figure_stands_beside_that_of_the_held_out_text():
    novelty = measured(metrics={"novelty": {"copied_4": 0.31, "copied_4_held_out": 0.05}})
    [reading] = novelty.readings
    assert (reading.value, reading.held_out) == ("0.310", "0.050")


def test_a_held_out_figure_that_is_undefined_is_a_dash_and_one_alone_stands_for_itself():
    [pair] = measured(metrics={"novelty": {"copied_4": 0.31, "copied_4_held_out": None}}).readings
    assert pair.held_out == "–"
    [alone] = measured(metrics={"novelty": {"copied_4_held_out": 0.05}}).readings
    assert (alone.name, alone.held_out) == ("copied_4_held_out", "")


def test_an_unknown_figure_is_read_as_its_metric_says():
    found = measured(
        metrics={"stranger": {"warmth": 1.0, "depth": 2.0, "width": 3.0}},
        readings={
            "stranger": {
                "warmth": {"help": "heat of the words", "direction": "lower"},
                "depth": {"help": "Depth in fathoms.", "direction": "neither"},
                "width": {"help": None},
            }
        },
    )
    helps = [reading.help for reading in found.readings]
    assert helps == ["Heat of the words. Lower is better.", "Depth in fathoms.", ""]


def test_a_signature_stands_with_its_metric():
    assert measured(metrics={"bleu": {"bleu": 2.0}}, signatures={"bleu": "nrefs:1"}).signature == (
        "nrefs:1"
    )
    assert measured(metrics={"bleu": {"bleu": 2.0}}).signature == ""
