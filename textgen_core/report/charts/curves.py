"""Draws curves over two axes, with levels to compare them with and one point marked.

Takes plain numbers; knows nothing about runs. Zipf's law is a chart with logarithmic scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import attrs
from markupsafe import Markup

from textgen_core.report.charts.scales import Points, Scale
from textgen_core.report.charts.svg import (
    Picture,
    Tick,
    add,
    add_curve,
    add_frame,
    finish_picture,
    percent,
    start_picture,
)
from textgen_core.report.wording import show_short

_LINE = 15  # pixels: the height of a label
# Over a level and under it: where its label's middle lies, in pixels, and the shift for that.
_SHIFTS = ((-10, "-0.5em"), (11, "1.3em"))
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
    _add_level_labels(svg, chart)
    if chart.mark is not None:
        _add_mark(svg, chart, chart.mark)
    return finish_picture(svg)


def _add_levels(svg: Element, chart: Chart) -> None:
    for level in chart.levels:
        y = percent(1 - chart.y.place(level.value))
        line = add(svg, "line", {"class": "level", "x1": "0", "x2": "100%", "y1": y, "y2": y})
        add(line, "title", {}, level.label)


def _add_level_labels(svg: Element, chart: Chart) -> None:
    """Write the levels' labels, over the curves, each where no other label and no mark is.

    At the right curves have left the levels behind; the left is for those that find no room.
    """
    taken = _taken_by_mark(chart)
    for level in sorted(chart.levels, key=lambda each: -each.value):
        line = chart.height * (1 - chart.y.place(level.value))
        spots = [(side, line + centre, dy) for side in ("end", "start") for centre, dy in _SHIFTS]
        free = [spot for spot in spots if _is_free(spot[0], spot[1], chart.height, taken)]
        if not free:
            continue  # its line tells its name under the pointer
        side, centre, shift = free[0]
        taken.append((side, centre - _LINE / 2, centre + _LINE / 2))
        place = {"x": "100%" if side == "end" else "0", "y": percent(line / chart.height)}
        add(svg, "text", {"class": f"note {side}", **place, "dy": shift}, level.label)


def _taken_by_mark(chart: Chart) -> list[tuple[str, float, float]]:
    """Return at which side, and from and to which height in pixels, the mark and its label are."""
    if chart.mark is None:
        return []
    line = chart.height * (1 - chart.y.place(chart.mark.y))
    side = "start" if chart.x.place(chart.mark.x) < 0.5 else "end"
    return [(side, line - 2 * _LINE, line + _LINE / 2)]


def _is_free(
    side: str, centre: float, height: float, taken: Sequence[tuple[str, float, float]]
) -> bool:
    top, bottom = centre - _LINE / 2, centre + _LINE / 2
    if bottom > height:  # there are the labels of the axis
        return False
    return not any(side == other and top < low and high < bottom for other, high, low in taken)


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
