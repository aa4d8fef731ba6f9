"""Draws curves over two axes, with levels to compare them with and one point marked.

The names of curves and levels are in a legend under the picture, where no label hides another.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import attrs
from markupsafe import Markup

from textgen_core.formatting import say
from textgen_core.report.charts.scales import MOST_POINTS, Axis, Points, Scale, thin
from textgen_core.report.charts.svg import (
    Figure,
    Picture,
    add,
    add_curve,
    add_frame,
    add_level,
    finish_picture,
    percent,
    start_picture,
)
from textgen_core.report.wording import show_count

_MOST_DOTS = 60  # of a curve: more would hide it
_TICK_DISTANCE = 45  # pixels from one label to the next
_LEVEL_KINDS = 4  # dash patterns of the style sheet


@attrs.frozen(kw_only=True)
class Series:
    """A curve: its points, the CSS class that gives its colour, and its name in the legend.

    dots: whether its points are marked, where they are few.
    """

    kind: str
    points: Points
    name: str = ""
    line: bool = True
    dots: bool = False

    @property
    def has_dots(self) -> bool:
        """Whether dots are drawn; a single point makes no line, and needs its dot to be seen."""
        few = len(self.points) <= _MOST_DOTS or not self.line
        return (self.dots and few) or len(self.points) == 1


@attrs.frozen(kw_only=True)
class Level:
    """A horizontal line to compare with."""

    label: str
    value: float


@attrs.frozen(kw_only=True)
class Mark:
    """A point that is pointed out; its label is in the legend, where it hides no line."""

    label: str
    x: float
    y: float


@attrs.frozen(kw_only=True)
class Chart:
    """Curves over two axes; `height` is that of the frame, in pixels.

    beneath: what the x axis is in other units.
    """

    picture: Picture
    x: Scale
    y: Scale
    x_label: str
    y_label: str
    series: Sequence[Series]
    levels: Sequence[Level] = ()
    mark: Mark | None = None
    beneath: Axis | None = None
    height: int = 280


def draw_figure(chart: Chart, heading: str = "", sentence: str = "") -> Figure:
    """Return a chart with its legend: the named curves, the mark, and the levels from the top."""
    legend = [
        (each.name, f"curve {each.kind}" if each.line else "", each.kind if each.has_dots else "")
        for each in chart.series
        if each.name
    ]
    if chart.mark is not None:
        legend.append((chart.mark.label, "", "mark"))
    legend += [(level.label, kind, "") for level, kind in levels_of(chart)]
    return Figure(
        heading=heading, picture=draw_chart(chart), sentence=sentence, legend=tuple(legend)
    )


def draw_chart(chart: Chart) -> Markup:
    """Return a chart as inline SVG, which describes itself to those who do not see it."""
    described = " ".join(_course(chart, series) for series in chart.series if series.points)
    picture = attrs.evolve(chart.picture, description=chart.picture.description or described)
    svg = start_picture(picture, "chart", chart.height)
    x_ticks = chart.x.labelled_ticks(5)
    y_ticks = chart.y.labelled_ticks(max(3, chart.height // _TICK_DISTANCE))
    add_frame(svg, x_ticks, y_ticks, chart.x_label, chart.y_label, chart.beneath)
    for level, kind in levels_of(chart):
        line = add_level(svg, kind, chart.y.place(level.value))
        add(line, "title", {}, level.label)
    for series in chart.series:
        _add_series(svg, chart, series)
    if chart.mark is not None:
        x, y = chart.x.place(chart.mark.x), percent(1 - chart.y.place(chart.mark.y))
        ring = add(svg, "circle", {"class": "mark", "cx": percent(x), "cy": y, "r": "6.5"})
        add(ring, "title", {}, chart.mark.label)
    return finish_picture(svg)


def levels_of(chart: Chart) -> list[tuple[Level, str]]:
    """Return the levels from the top, each with the CSS classes of its line."""
    levels = sorted(chart.levels, key=lambda level: -level.value)
    return [(each, f"level l{place % _LEVEL_KINDS}") for place, each in enumerate(levels)]


def _course(chart: Chart, series: Series) -> str:
    """Return in a sentence from where to where a curve goes."""
    (first_x, first), (last_x, last) = series.points[0], series.points[-1]
    return say(
        "{curve}: from {first:.4g} at {axis} {first_place} to {last:.4g} at {axis} {last_place}.",
        curve=series.name or chart.y_label,
        axis=chart.x_label,
        first=first,
        first_place=show_count(first_x),
        last=last,
        last_place=show_count(last_x),
    )


def _add_series(svg: Element, chart: Chart, series: Series) -> None:
    points = thin(series.points, MOST_POINTS)
    places = [(chart.x.place(x), chart.y.place(y)) for x, y in points]
    if series.line and len(places) > 1:
        add_curve(svg, places, series.kind)
    if series.has_dots:
        for (x, y), (step, value) in zip(places, points, strict=True):
            spot = {"cx": percent(x), "cy": percent(1 - y), "r": "3"}
            dot = add(svg, "circle", {"class": f"dot {series.kind}", **spot})
            add(dot, "title", {}, f"{chart.x_label} {step:,.6g}: {value:,.4g}")
