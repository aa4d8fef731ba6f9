from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from report.fabricated_run import errors

from textgen_core.report.records import Records, Table
from textgen_core.report.sections.failures import (
    LONGEST_LINE,
    MOST_LINES,
    MOST_LOOPS,
    describe_failures,
)
from textgen_core.report.sections.samples import MASKED, Mask


def describe(*, excerpts: bool = True, mask: Mask | None = None, **changed: Any) -> SimpleNamespace:
    evaluation = {"loss": 3.5, "errors": {**errors(), **changed}}
    records = Records(name="run", evaluation=Table(Path("evaluation.json"), evaluation))
    found = describe_failures(records, excerpts=excerpts, mask=mask or Mask())
    assert found is not None
    return SimpleNamespace(**found)


def pictures(**changed: Any) -> dict[str, ElementTree.Element]:
    failures = describe(**changed)
    return {plot.heading: ElementTree.fromstring(plot.picture or "") for plot in failures.figures}


def texts_of(picture: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in picture.iter("text")]


def test_every_picture_has_a_sentence_on_how_to_read_it():
    failures = describe()
    plots = failures.figures
    assert len(plots) == 5
    assert all(plot.sentence.endswith(".") for plot in plots)
    assert len({plot.sentence for plot in plots}) == 5


def test_tokens_are_named_by_how_often_they_occur():
    classes = [(0, 0), (1, 1), (5, 5), (1, 9), (1000, None)]
    rows = [{"from": low, "to": high, "tokens": 12, "loss": 1.0} for low, high in classes]
    labels = texts_of(pictures(by_frequency=rows)["Common and rare tokens"])[::2]
    assert labels == [
        "Never (12 tokens)",
        "Once (12 tokens)",
        "5 times (12 tokens)",
        "1 to 9 times (12 tokens)",
        "1,000 times or more (12 tokens)",
        "All tokens",
    ]


def test_the_curve_by_position_counts_from_one_and_averages_places_of_few_tokens():
    rows = [[0, 6.0, 100], [1, 4.0, 100], [2, 3.0, 200], [3, 2.0, 10]]
    picture = pictures(by_position=rows)["Early and late tokens"]
    dots = [each.findtext("title") for each in picture.iter("circle")]
    assert dots == ["position in the window 1.5: 5", "position in the window 3: 3"]


@pytest.mark.parametrize(("kind", "label"), [("window", "window"), ("stream", "stream")])
def test_a_position_is_that_in_a_window_or_a_stream(kind: str, label: str):
    labels = texts_of(pictures(position_of=kind)["Early and late tokens"])
    assert f"position in the {label}" in labels


def test_many_positions_are_drawn_on_a_logarithmic_axis():
    rows = [[2**power, 3.0, 500] for power in range(14)]
    labels = texts_of(pictures(by_position=rows)["Early and late tokens"])
    assert [each for each in labels if each in ("1", "10", "100", "1,000", "10k")] == [
        "1", "10", "100", "1,000", "10k",
    ]  # fmt: skip


def test_chance_fills_no_axis():
    rows = [[place, 3.5 + place / 1000, 500] for place in range(4)]
    picture = pictures(by_position=rows)["Early and late tokens"]
    heights = [float(str(each.get("cy")).rstrip("%")) for each in picture.iter("circle")]
    assert len(heights) == 4
    assert max(heights) - min(heights) < 1  # percent of the picture


def test_the_gap_is_validation_less_training():
    picture = pictures(gap=[[10, 3.0, 3.5], [20, 2.0, 3.0], [30, None, 3.0]])[
        "Seen and unseen text"
    ]
    assert [each.findtext("title") for each in picture.iter("circle")] == [
        "step 10: 0.5",
        "step 20: 1",
    ]


def test_held_out_text_is_drawn_beside_a_long_sample():
    failures = describe()
    assert [name for name, _, _ in failures.figures[3].legend] == [
        "the model's text",
        "held-out text",
    ]
    alone = describe(over_length_held_out=None)
    assert alone.figures[3].legend == ()
    assert (
        len(list(pictures(over_length_held_out=[])["Surprisal in a long sample"].iter("polyline")))
        == 1
    )


@pytest.mark.parametrize("nothing", [None, []])
def test_what_was_not_measured_has_no_picture(nothing: Any):
    names = ("by_frequency", "by_position", "over_length", "gap", "worst_lines", "loops")
    failures = describe(**dict.fromkeys(names, nothing))
    assert not any(vars(failures).values())


def test_null_figures_are_left_out_of_pictures():
    rows = [[1, None, None], [2, 3.0, None], [3, 3.5, None]]
    headings = set(pictures(over_length=rows, by_frequency=[{"from": None, "loss": None}]))
    assert "Surprisal in a long sample" in headings
    assert not {"Repeats in a long sample", "Common and rare tokens"} & headings


def test_a_curve_of_one_point_is_none():
    assert "Seen and unseen text" not in pictures(gap=[[1, 2.0, 3.0]])


def test_lines_and_loops_are_limited_and_cut():
    lines = [{"text": "a" * 10_000, "tokens": 1, "bits_per_byte": 1.0}] * 1000
    loops = [{"text": "b" * 10_000, "times": 3, "sample": 1}] * 1000
    failures = describe(worst_lines=lines, loops=loops)
    assert (len(failures.worst_lines), len(failures.loops)) == (MOST_LINES, MOST_LOOPS)
    assert len(failures.worst_lines[0][1]) == LONGEST_LINE
    assert len(failures.loops[0][1]) == LONGEST_LINE


def test_without_excerpts_lines_are_left_out_and_loops_masked():
    failures = describe(excerpts=False, mask=Mask(passages=("the sea and",)))
    assert failures.worst_lines == ()
    assert failures.worst_lines_left_out
    assert [text for _, text, _ in failures.loops] == [MASKED]


def test_a_run_that_was_scored_before_there_was_an_analysis_has_none():
    for evaluation in ({}, {"errors": None}, {"errors": {}}):
        records = Records(name="run", evaluation=Table(Path("evaluation.json"), evaluation))
        assert describe_failures(records, excerpts=True, mask=Mask()) is None
    assert describe_failures(Records(name="run"), excerpts=True, mask=Mask()) is None
