from __future__ import annotations

from xml.etree import ElementTree

import attrs
import pytest

from textgen_core.report.charts.curves import Chart, Level, Mark, Series, draw_chart
from textgen_core.report.charts.scales import Scale
from textgen_core.report.charts.svg import Picture

CHART = Chart(
    picture=Picture(name="c", title="A & B", description="falls"),
    x=Scale(low=0, high=10),
    y=Scale(low=0, high=4),
    x_label="step",
    y_label="loss",
    series=[Series(kind="training", points=[(0, 4), (5, 1), (10, 0)])],
)


def drawn(**changes: object) -> ElementTree.Element:
    return ElementTree.fromstring(draw_chart(attrs.evolve(CHART, **changes)))


def labels(svg: ElementTree.Element) -> list[str | None]:
    return [each.text for each in svg.iter("text")]


def test_a_curve_goes_through_its_points_with_the_low_values_below():
    curve = drawn().find(".//polyline")
    assert curve is not None
    assert curve.get("points") == "0.0,0.0 500.0,750.0 1000.0,1000.0"


def test_both_axes_have_labelled_ticks_and_say_what_they_measure():
    assert " ".join(map(str, labels(drawn()))) == "0 1 2 3 4 0 2 4 6 8 10 loss step"


def test_the_title_and_the_description_are_found_by_their_ids():
    svg = drawn()
    assert svg.get("aria-labelledby") == "c-title c-description"
    assert [svg.findtext("title"), svg.findtext("desc")] == ["A & B", "falls"]


def test_a_single_point_is_drawn_as_a_dot():
    svg = drawn(series=[Series(kind="training", points=[(5, 2)])])
    assert svg.find(".//polyline") is None
    dot = svg.find("circle")
    assert dot is not None
    assert (dot.get("cx"), dot.get("cy")) == ("50%", "50%")
    assert dot.findtext("title") == "step 5: 2"


def test_a_level_is_a_line_over_the_whole_width():
    level = next(
        each
        for each in drawn(levels=[Level(label="guessing", value=3)]).iter("line")
        if each.get("class") == "level"
    )
    assert [level.get(key) for key in ("x1", "x2", "y1", "y2")] == ["0", "100%", "25%", "25%"]


def test_of_two_near_levels_the_lower_label_stands_beneath():
    svg = drawn(levels=[Level(label="low", value=2.9), Level(label="high", value=3.0)])
    shifts = {each.text: str(each.get("dy")) for each in svg.iter("text")}
    assert shifts["high"].startswith("-")
    assert not shifts["low"].startswith("-")


def test_a_level_near_the_mark_has_its_label_at_the_other_side():
    near, far = Level(label="near", value=1.1), Level(label="far", value=3)
    svg = drawn(levels=[near, far], mark=Mark(label="best", x=9, y=1))
    places = {each.text: each.get("x") for each in svg.iter("text")}
    assert (places["near"], places["far"]) == ("0", "100%")


def test_a_level_whose_label_finds_no_room_tells_it_under_the_pointer():
    svg = drawn(levels=[Level(label=f"level {number}", value=2.0) for number in range(6)])
    labels = [each for each in svg.iter("text") if str(each.text).startswith("level")]
    assert len(labels) == 4
    assert len([each for each in svg.iter("line") if each.findtext("title")]) == 6


def test_four_levels_near_each_other_have_their_labels_at_four_places():
    levels = [Level(label=f"level {number}", value=2 + number / 100) for number in range(4)]
    svg = drawn(levels=levels)
    labels = [each for each in svg.iter("text") if str(each.text).startswith("level")]
    assert len({(each.get("x"), each.get("dy")) for each in labels}) == 4


@pytest.mark.parametrize(("x", "side"), [(0, "start"), (5, "middle"), (10, "end")])
def test_the_label_of_the_mark_stays_within_the_picture(x: float, side: str):
    svg = drawn(mark=Mark(label="best", x=x, y=2))
    label = next(each for each in svg.iter("text") if each.text == "best")
    assert str(label.get("class")).split()[-1] == side
