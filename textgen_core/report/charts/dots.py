"""Draws what was measured as dots: over an axis of numbers, or in rows, one for each name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element

import attrs
from markupsafe import Markup

from textgen_core.formatting import say
from textgen_core.report.charts.scales import Scale
from textgen_core.report.charts.svg import (
    Picture,
    add,
    add_frame,
    finish_picture,
    percent,
    start_picture,
)
from textgen_core.report.wording import cut, cut_to_width

_ROW, _AXIS = 42, 44  # pixels
_LABEL = 25  # Latin letters of a row's name
_MOST_TICKS = 5


@attrs.frozen(kw_only=True)
class Dot:
    """A measured value, at `x` where there is an axis for it; kind: a CSS class; told: its title.

    A value beyond the end of its axis is drawn at the end.
    """

    y: float
    kind: str
    told: str
    x: float = 0.0


@attrs.frozen(kw_only=True)
class Row:
    """Dots of one name, beside which `shown` is written; mean: where a ring is drawn, if any."""

    label: str
    dots: Sequence[Dot]
    shown: str = ""
    mean: float | None = None


def draw_scatter(
    picture: Picture,
    x: Scale,
    y: Scale,
    dots: Sequence[Dot],
    *,
    x_label: str,
    y_label: str,
    height: int = 170,
) -> Markup:
    """Return dots over two axes; the last ones lie on top."""
    picture = _described(picture, dots)
    svg = start_picture(picture, "chart", height)
    add_frame(svg, x.labelled_ticks(4), y.labelled_ticks(4), x_label, y_label)
    for each in dots:
        _add_dot(svg, each, percent(x.place(each.x)), percent(1 - _within(y, each.y)))
    return finish_picture(svg)


def draw_rows(picture: Picture, rows: Sequence[Row], scale: Scale, unit: str) -> Markup:
    """Return rows of dots on one axis; unit: what that measures."""
    picture = _described(picture, [each for row in rows for each in row.dots])
    height = _ROW * len(rows)
    svg = start_picture(picture, "bars", height + _AXIS)
    for place, label in scale.labelled_ticks(_MOST_TICKS):
        x = {"x1": percent(place), "x2": percent(place), "y1": "0"}
        add(svg, "line", {"class": "grid", "y2": str(height), **x})
        where = {"class": f"tick {_anchor(place)}", "x": percent(place), "y": str(height)}
        add(svg, "text", {**where, "dy": "1.4em"}, label)
    add(svg, "text", {"class": "unit end", "x": "100%", "y": str(height), "dy": "2.9em"}, unit)
    for number, row in enumerate(rows):
        _add_row(svg, row, scale, _ROW * number)
    return finish_picture(svg)


def ratio_scale(low: float, high: float) -> Scale:
    """Return an axis on which equal ratios are equally far apart, with a few round values."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        values = [digit * 10.0**power for power in powers for digit in digits]
        ticks = [each for each in values if low * 0.999 <= each <= high * 1.001]
        if len(ticks) <= _MOST_TICKS:
            break
    ticks = ticks if len(ticks) > 1 else [low, high]
    return Scale(low=low / 1.05, high=high * 1.05, logarithmic=True, ticked=tuple(ticks))


def _add_row(svg: Element, row: Row, scale: Scale, top: int) -> None:
    group = add(svg, "g", {"class": "row"})
    name = {"class": "label", "x": "0", "y": str(top), "dy": "1.1em"}
    add(group, "text", name, cut_to_width(row.label, _LABEL))
    value = {"class": "value end", "x": "100%", "y": str(top), "dy": "1.1em"}
    add(group, "text", value, row.shown)
    y = str(top + 28)
    for each in row.dots:
        _add_dot(group, each, percent(_within(scale, each.y)), y)
    if row.mean is not None:
        where = {"cx": percent(_within(scale, row.mean)), "cy": y, "r": "7.5"}
        add(group, "circle", {"class": "mark", **where})


def _add_dot(parent: Element, dot: Dot, x: str, y: str) -> None:
    circle = add(parent, "circle", {"class": f"dot {dot.kind}", "cx": x, "cy": y, "r": "4"})
    add(circle, "title", {}, cut(dot.told, 200))


def _within(scale: Scale, value: float) -> float:
    return min(1.0, max(0.0, scale.place(value)))


def _anchor(place: float) -> str:
    """Return the class of a label that would else stand beyond the picture's end."""
    return "end" if place > 0.97 else "start" if place < 0.03 else "middle"


def _described(picture: Picture, dots: Sequence[Dot]) -> Picture:
    if picture.description or not dots:
        return picture
    low, high = (choose(each.y for each in dots) for choose in (min, max))
    told = say("{number} dots, from {low:.4g} to {high:.4g}.", number=len(dots), low=low, high=high)
    return attrs.evolve(picture, description=told)
