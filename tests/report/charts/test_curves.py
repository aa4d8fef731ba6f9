from __future__ import annotations

from xml.etree import ElementTree

import attrs

from textgen_core.report.charts.curves import Chart, Level, Mark, Series, draw_chart, draw_figure
from textgen_core.report.charts.scales import Axis, Scale
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
    return drawn_of(attrs.evolve(CHART, **changes))


def drawn_of(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(draw_chart(chart))


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
        if each.get("class") == "level l0"
    )
    assert [level.get(key) for key in ("x1", "x2", "y1", "y2")] == ["0", "100%", "25%", "25%"]


def test_levels_are_named_in_the_legend_from_the_top_and_told_apart_by_their_lines():
    levels = [Level(label=f"level {number}", value=number / 2) for number in (1, 3, 2)]
    chart = attrs.evolve(CHART, levels=levels)
    names, lines, dots = zip(*draw_figure(chart).legend, strict=True)
    assert names == ("level 3", "level 2", "level 1")
    assert lines == ("level l0", "level l1", "level l2")
    assert not any(dots)
    drawn = [each for each in drawn_of(chart).iter("line") if each.findtext("title")]
    assert [each.findtext("title") for each in drawn] == list(names)
    assert [each.get("class") for each in drawn] == list(lines)


def test_levels_however_near_need_no_space_in_the_picture():
    chart = attrs.evolve(CHART, levels=[Level(label=f"level {n}", value=2.0) for n in range(6)])
    assert len(draw_figure(chart).legend) == 6
    assert not [text for text in labels(drawn_of(chart)) if str(text).startswith("level")]


def test_curves_with_a_name_are_in_the_legend_as_they_are_drawn():
    points = [(0, 4), (5, 1), (10, 0)]
    series = [
        Series(kind="training", points=points, name="training loss"),
        Series(kind="validation", points=points, name="validation loss", dots=True),
        Series(kind="fit", points=points, name="words", line=False, dots=True),
        Series(kind="rate", points=points),
    ]
    assert draw_figure(attrs.evolve(CHART, series=series)).legend == (
        ("training loss", "curve training", ""),
        ("validation loss", "curve validation", "validation"),
        ("words", "", "fit"),
    )


def test_a_chart_without_a_description_is_described_by_its_curves():
    picture = Picture(name="c", title="A")
    named = [Series(kind="training", points=[(0, 4), (1200, 0.5)], name="training loss")]
    found = drawn(picture=picture, series=named, x=Scale(low=0, high=2000)).findtext("desc")
    assert found == "training loss: from 4 at step 0 to 0.5 at step 1,200."


def test_the_mark_is_named_in_the_legend_and_hides_no_line():
    chart = attrs.evolve(CHART, mark=Mark(label="best 2", x=5, y=2))
    assert draw_figure(chart).legend[-1] == ("best 2", "", "mark")
    assert "best 2" not in labels(drawn_of(chart))


def test_a_second_axis_beneath_the_first_tells_the_time_of_each_step():
    chart = attrs.evolve(CHART, beneath=Axis(label="min", ticks=[(0.25, "1"), (0.75, "2")]))
    beneath = [each for each in drawn_of(chart).iter("text") if each.get("dy") == "3em"]
    assert [(each.get("x"), each.text) for each in beneath] == [
        ("25%", "1"), ("75%", "2"), ("-14", "min"),
    ]  # fmt: skip
