"""Draws curves over two axes, with levels to compare them with and one point marked.

Takes plain numbers; knows nothing about runs. Zipf's law is a chart with logarithmic scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import attrs
from markupsafe import Markup

from textgen_core.report.drawing import (
    Picture,
    Tick,
    add,
    add_curve,
    add_frame,
    finish_picture,
    percent,
    start_picture,
)
from textgen_core.report.scales import Points, Scale
from textgen_core.report.wording import show_short

_LABEL_ROOM = 0.08  # of the height: two labels nearer than this would overlap
_TICK_ROOM = 45  # pixels from one label to the next


@attrs.frozen(kw_only=True)
class Series:
    """A curve: its points, and the CSS class that gives its colour."""

    kind: str
    points: Points
    line: bool = True
    dots: bool = False


@attrs.frozen(kw_only=True)
class Level:
    """A horizontal line to compare with."""

    label: str
    value: float


@attrs.frozen(kw_only=True)
class Mark:
    """A point that is pointed out."""

    label: str
    x: float
    y: float


@attrs.frozen(kw_only=True)
class Chart:
    """Curves over two axes; `height` is that of the frame, in pixels."""

    picture: Picture
    x: Scale
    y: Scale
    x_label: str
    y_label: str
    series: Sequence[Series]
    levels: Sequence[Level] = ()
    mark: Mark | None = None
    height: int = 280


def draw_chart(chart: Chart) -> Markup:
    """Return a chart as inline SVG."""
    svg = start_picture(chart.picture, "chart", chart.height)
    x_ticks = [Tick(chart.x.place(value), show_short(value)) for value in chart.x.ticks(5)]
    y_ticks = [
        Tick(chart.y.place(value), show_short(value))
        for value in chart.y.ticks(max(3, chart.height // _TICK_ROOM))
    ]
    add_frame(svg, x_ticks, y_ticks, chart.x_label, chart.y_label)
    _add_levels(svg, chart)
    for series in chart.series:
        _add_series(svg, chart, series)
    if chart.mark is not None:
        _add_mark(svg, chart, chart.mark)
    return finish_picture(svg)


def _add_levels(svg: Element, chart: Chart) -> None:
    """Draw the levels; of two near each other the lower one has its label beneath.

    Labels stand at the right, where curves have left the levels behind, unless the mark is there.
    """
    above: list[float] = []
    for level in sorted(chart.levels, key=lambda each: -each.value):
        place = chart.y.place(level.value)
        y = percent(1 - place)
        add(svg, "line", {"class": "level", "x1": "0", "x2": "100%", "y1": y, "y2": y})
        crowded = any(other - place < _LABEL_ROOM for other in above)
        above.append(place)
        shift = "1.3em" if crowded else "-0.5em"
        side, x = ("start", "0") if _mark_is_near(chart, place) else ("end", "100%")
        add(svg, "text", {"class": f"note {side}", "x": x, "y": y, "dy": shift}, level.label)


def _mark_is_near(chart: Chart, place: float) -> bool:
    """Return whether the mark and its label are where a level's label would stand."""
    if chart.mark is None or chart.x.place(chart.mark.x) < 0.5:
        return False
    return abs(chart.y.place(chart.mark.y) - place) < 2 * _LABEL_ROOM


def _add_series(svg: Element, chart: Chart, series: Series) -> None:
    places = [(chart.x.place(x), chart.y.place(y)) for x, y in series.points]
    if series.line and len(places) > 1:
        add_curve(svg, places, series.kind)
    # A single point makes no line, and would not be seen without its dot.
    if series.dots or len(places) == 1:
        for (x, y), (step, value) in zip(places, series.points, strict=True):
            spot = {"cx": percent(x), "cy": percent(1 - y), "r": "3"}
            dot = add(svg, "circle", {"class": f"dot {series.kind}", **spot})
            add(dot, "title", {}, f"{chart.x_label} {step:,.6g}: {value:,.4g}")


def _add_mark(svg: Element, chart: Chart, mark: Mark) -> None:
    x, y = chart.x.place(mark.x), chart.y.place(mark.y)
    add(svg, "circle", {"class": "mark", "cx": percent(x), "cy": percent(1 - y), "r": "6.5"})
    side = "end" if x > 0.75 else "start" if x < 0.25 else "middle"
    place = {"class": f"note strong {side}", "x": percent(x), "y": percent(1 - y), "dy": "-1em"}
    add(svg, "text", place, mark.label)
