"""Draws values with their intervals beneath each other, beside a line at zero."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import attrs
from markupsafe import Markup

from textgen_core.report.charts.scales import Scale
from textgen_core.report.charts.svg import Picture, add, finish_picture, percent, start_picture
from textgen_core.report.wording import cut, cut_to_width

_ROW, _AXIS = 46, 44  # pixels
_LABEL = 25  # Latin letters of a label


@attrs.frozen(kw_only=True)
class Interval:
    """A value within its interval, and what it is called; `shown` are both in figures.

    kind: the CSS class of its dot and line.
    """

    label: str
    value: float
    low: float
    high: float
    shown: str
    kind: str = "training"


def draw_intervals(picture: Picture, intervals: Sequence[Interval], unit: str) -> Markup:
    """Return the intervals on one axis, which has zero on it; unit: what that measures."""
    low = min(0.0, *(each.low for each in intervals))
    high = max(1e-9, *(each.high for each in intervals))
    margin = 0.04 * (high - low)
    scale = Scale(low=low - margin, high=high + margin)
    if not picture.description:
        told = "; ".join(f"{cut(each.label, 80)}: {each.shown}" for each in intervals)
        picture = attrs.evolve(picture, description=told)
    height = _ROW * len(intervals)
    svg = start_picture(picture, "bars", height + _AXIS)
    for place, label in scale.labelled_ticks(5):
        x = {"x1": percent(place), "x2": percent(place), "y1": "0"}
        add(svg, "line", {"class": "grid", "y2": str(height), **x})
        where = {"class": "tick middle", "x": percent(place), "y": str(height), "dy": "1.4em"}
        add(svg, "text", where, label)
    zero = {"x1": percent(scale.place(0)), "x2": percent(scale.place(0)), "y1": "0"}
    add(svg, "line", {"class": "axis", "y2": str(height), **zero})
    add(svg, "text", {"class": "unit end", "x": "100%", "y": str(height), "dy": "2.9em"}, unit)
    for number, each in enumerate(intervals):
        _add_interval(svg, each, scale, _ROW * number)
    return finish_picture(svg)


def _add_interval(svg: Element, interval: Interval, scale: Scale, top: int) -> None:
    group = add(svg, "g", {"class": "row"})
    add(group, "title", {}, f"{interval.label}: {interval.shown}")
    label = {"class": "label", "x": "0", "y": str(top), "dy": "1.1em"}
    add(group, "text", label, cut_to_width(interval.label, _LABEL))
    value = {"class": "value end", "x": "100%", "y": str(top), "dy": "1.1em"}
    add(group, "text", value, interval.shown)
    y = str(top + 31)
    ends = {"x1": percent(scale.place(interval.low)), "x2": percent(scale.place(interval.high))}
    add(group, "line", {"class": f"curve {interval.kind}", "y1": y, "y2": y, **ends})
    where = {"cx": percent(scale.place(interval.value)), "cy": y, "r": "5"}
    add(group, "circle", {"class": f"dot {interval.kind}", **where})
