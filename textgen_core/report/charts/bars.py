"""Draws bars: labelled ones beneath each other, and the histogram of a length."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from markupsafe import Markup

from textgen_core.formatting import say
from textgen_core.report.charts.scales import Ticks, scale_for
from textgen_core.report.charts.svg import (
    Picture,
    add,
    add_frame,
    finish_picture,
    percent,
    start_picture,
)
from textgen_core.report.wording import cut, cut_to_width, show_count, show_short

_LONGEST_TITLE = 200  # characters
_LISTED = 12  # bars that a description lists; of more it tells the first and the last
_HISTOGRAM_LABELS = 5


@attrs.frozen(kw_only=True)
class Bar:
    """A bar with its label and its value in figures; `kind` is a CSS class."""

    label: str
    value: float
    shown: str
    kind: str = ""


def draw_bars(
    picture: Picture, bars: Sequence[Bar], *, row: int = 24, label_width: int = 26
) -> Markup:
    """Return bars in rows of `row` pixels, their labels written over them.

    label_width: the space for a label in Latin letters; the whole is in the row's title.
    """
    if bars and not picture.description:
        described = say(
            "{number} bars, from {first} to {last}.",
            number=len(bars),
            first=_described(bars[0]),
            last=_described(bars[-1]),
        )
        if len(bars) <= _LISTED:
            described = ", ".join(map(_described, bars)) + "."
        picture = attrs.evolve(picture, description=described)
    svg = start_picture(picture, "bars", row * len(bars))
    longest = max((bar.value for bar in bars), default=0.0) or 1.0
    for number, bar in enumerate(bars):
        group = add(svg, "g", {"class": f"row {bar.kind}".strip()})
        add(group, "title", {}, _described(bar))
        size = {"width": percent(max(0.0, bar.value) / longest), "height": str(row - 4)}
        add(group, "rect", {"class": "bar", "y": str(row * number), "rx": "2", **size})
        middle = str(row * number + (row - 4) // 2)
        label = {"class": "label", "x": "8", "y": middle, "dy": "0.35em"}
        add(group, "text", label, cut_to_width(bar.label, label_width))
        value = {"class": "value end", "x": "100%", "dx": "-8", "y": middle, "dy": "0.35em"}
        add(group, "text", value, bar.shown)
    return finish_picture(svg)


def _described(bar: Bar) -> str:
    return f"{cut(bar.label, _LONGEST_TITLE)}: {bar.shown}"


def draw_histogram(
    picture: Picture, edges: Sequence[float], counts: Sequence[float], x_label: str, y_label: str
) -> Markup:
    """Return a histogram: bin i counts the values from edges[i] to edges[i + 1].

    The last bin takes all longer ones, and is drawn as wide as the others, in another shade.
    """
    svg = start_picture(picture, "chart", 170)
    scale = scale_for(counts, from_zero=True)
    x_ticks, y_ticks = _bin_ticks(edges, len(counts)), scale.labelled_ticks(4)
    add_frame(svg, x_ticks, y_ticks, x_label, y_label)
    width = 1 / len(counts)
    for number, count in enumerate(counts):
        share = scale.place(count)
        size = {"width": percent(width * 0.9), "height": percent(share)}
        place = {"x": percent(number * width), "y": percent(1 - share)}
        kind = "bin open" if is_open(edges, number) else "bin"
        rectangle = add(svg, "rect", {"class": kind, **place, **size})
        label = say(
            "{low:.0f} to {high:.0f}: {count}",
            low=edges[number],
            high=edges[number + 1] - 1,
            count=show_count(count),
        )
        add(rectangle, "title", {}, label)
    return finish_picture(svg)


def is_open(edges: Sequence[float], number: int) -> bool:
    """Return whether a bin is the last and wider than the first."""
    last = number == len(edges) - 2
    return last and edges[number + 1] - edges[number] > edges[1] - edges[0]


def _bin_ticks(edges: Sequence[float], bins: int) -> Ticks:
    every = max(1, round(bins / _HISTOGRAM_LABELS))
    ticks = [(number / bins, show_short(edges[number])) for number in range(0, bins, every)]
    if ticks and is_open(edges, bins - 1):
        if (bins - 1) % every < every / 2:
            ticks.pop()
        ticks.append(((bins - 0.55) / bins, f"{show_short(edges[bins - 1])}+"))
    return ticks
