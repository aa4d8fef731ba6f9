"""Pictures of where a model fails: by the tokens' frequency and position, and as a text grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from textgen_core.report.charts.bars import Bar, draw_bars
from textgen_core.report.charts.curves import Chart, Level, Series, draw_figure
from textgen_core.report.charts.scales import Points, Scale, logarithmic_scale, scale_for
from textgen_core.report.charts.svg import Figure, Picture
from textgen_core.report.records import Table
from textgen_core.report.wording import show_count, show_figure, show_short

MOST_BARS = 12

_LEAST_TOKENS = 200  # of a point by position: the loss of fewer is chance
_LEAST_SPAN = 0.1  # of a loss, on each side of it
_LOGARITHMIC = 50  # places from which on an axis of positions is logarithmic

_NATS = "nats per token"
_POSITIONS = {
    "window": "A token at the start of a window has little text before it, so its loss is high. "
    "Where the curve turns flat, seeing further back no longer helps.",
    "stream": "The model reads on and carries its state along. A curve that falls gains from what "
    "lies far back; one that rises shows a state that wears out.",
}


def plot_frequencies(errors: Table, mean: float | None) -> Figure | None:
    """Return the loss by how often a token occurs in the training text; None if not measured."""
    bars = [
        Bar(label=_frequency(row), value=loss, shown=show_figure(loss, 2))
        for row in errors.tables("by_frequency")[:MOST_BARS]
        if (loss := row.number("loss")) is not None
    ]
    if not bars:
        return None
    if mean is not None:
        bars.append(Bar(label="All tokens", value=mean, shown=show_figure(mean, 2), kind="own"))
    title = "Loss in nats per token, by how often a token occurs in the training text"
    picture = Picture(name="by-frequency", title=title)
    return Figure(
        heading="Common and rare tokens",
        picture=draw_bars(picture, bars, row=28, label_width=44),
        sentence="Loss in nats per token, by how often the token occurs in the training text. What "
        "was seen seldom is predicted badly; more text or smaller tokens help there.",
    )


def plot_positions(errors: Table, mean: float | None) -> Figure | None:
    """Return the loss over the position in the window or stream; None if not measured."""
    kind = errors.text("position_of") or ""
    kind = kind if kind in _POSITIONS else "window"
    points = _enough_tokens(errors.rows("by_position", float, float, float))
    levels = [] if mean is None else [Level(label=f"mean {show_figure(mean, 2)}", value=mean)]
    x_label = f"position in the {kind}"
    chart = _chart("by-position", f"Loss by {x_label}", x_label, points, levels=levels, height=200)
    if points and points[-1][0] >= _LOGARITHMIC:
        chart = attrs.evolve(chart, x=logarithmic_scale([place for place, _ in points]))
    return _plot(chart, "Early and late tokens", _POSITIONS[kind])


def plot_surprisal_over_length(errors: Table) -> Figure | None:
    """Return the loss over the tokens of a long sample, and of held-out text; None if unknown."""
    written, real = (
        [(tokens, loss) for tokens, loss, _ in errors.rows(key, float, float, float)]
        for key in ("over_length", "over_length_held_out")
    )
    title = "Loss over the length of a long sample"
    return _plot(
        _chart("over-length", title, "tokens", written, beside=real),
        "Surprisal in a long sample",
        "How much its own text surprises the model. A curve that sinks shows a text that turns in "
        "circles; one that climbs, a text that falls apart.",
    )


def plot_repeats_over_length(errors: Table) -> Figure | None:
    """Return the share of repeated 4-grams over the tokens of a long sample, likewise."""
    written, real = (
        [
            (tokens, None if share is None else 100 * share)
            for tokens, _, share in errors.rows(key, float, float, float)
        ]
        for key in ("over_length", "over_length_held_out")
    )
    title = "Share of repeated 4-grams over the length of a long sample"
    unit = "repeated 4-grams, %"
    chart = _chart(
        "over-length-repeats", title, "tokens", written, beside=real, y_label=unit, from_zero=True
    )
    return _plot(
        chart,
        "Repeats in a long sample",
        "How much of each span occurred in the text before. People's text stays under 5 %.",
    )


def plot_gap(errors: Table) -> Figure | None:
    """Return by how much the loss is higher on validation than in training, over the steps."""
    gaps = [
        (step, None if training is None or validation is None else validation - training)
        for step, training, validation in errors.rows("gap", float, float, float)
    ]
    title = "Validation loss less training loss over the steps"
    chart = _chart("gap", title, "step", gaps, from_zero=True, height=120)
    return _plot(
        chart,
        "Seen and unseen text",
        "Validation loss less training loss. Near zero, unseen text is predicted as well as seen "
        "text; a gap that grows shows that the training text is being memorized.",
    )


def _frequency(row: Table) -> str:
    """Return how often tokens of a class occur, and how many were scored."""
    low, high, tokens = (row.number(key) for key in ("from", "to", "tokens"))
    if high is None:
        times = f"{show_count(low)} times or more"
    elif not high:
        times = "Never"
    elif low == high:
        times = "Once" if high == 1 else f"{show_count(high)} times"
    else:
        times = f"{show_count(low)} to {show_count(high)} times"
    return times if tokens is None else f"{times} ({show_short(tokens)} tokens)"


def _enough_tokens(rows: Sequence[tuple[Any, ...]]) -> Points:
    """Return place, counted from 1, and loss: means of neighbours until they have enough tokens."""
    points: list[tuple[float, float]] = []
    places = nats = tokens = 0.0
    for place, loss, weight in rows:
        if place is None or loss is None or weight is None or place < 0 or weight < 0:
            continue
        places, nats, tokens = places + weight * place, nats + weight * loss, tokens + weight
        if tokens >= _LEAST_TOKENS:
            points.append((places / tokens + 1, nats / tokens))
            places = nats = tokens = 0.0
    return points


def _chart(
    name: str,
    title: str,
    x_label: str,
    pairs: Sequence[tuple[float | None, float | None]],
    *,
    beside: Sequence[tuple[float | None, float | None]] = (),
    y_label: str = _NATS,
    levels: Sequence[Level] = (),
    from_zero: bool = False,
    height: int = 150,
) -> Chart:
    """Return a chart of one curve, and `beside` it the same of held-out text."""
    own, real = (
        sorted((x, y) for x, y in each if x is not None and y is not None)
        for each in (pairs, beside)
    )
    values = [value for _, value in (*own, *real)] + [level.value for level in levels]
    names = ("the model's text", "held-out text") if real else ("", "")
    return Chart(
        picture=Picture(name=name, title=title),
        x=scale_for([place for place, _ in (*own, *real)], rounded=False),
        y=_y_scale(values, from_zero=from_zero),
        x_label=x_label,
        y_label=y_label,
        series=[
            Series(kind="validation", points=own, name=names[0], dots=True),
            Series(kind="training", points=real, name=names[1], dots=True),
        ][: 2 if real else 1],
        levels=levels,
        height=height,
    )


def _y_scale(values: Sequence[float], *, from_zero: bool) -> Scale:
    """Return an axis with space for a tenth more and less, so that chance looks no larger."""
    if from_zero or not values:
        return scale_for(values, from_zero=True)
    middle = sum(values) / len(values)
    return scale_for([*values, (1 - _LEAST_SPAN) * middle, (1 + _LEAST_SPAN) * middle])


def _plot(chart: Chart, heading: str, sentence: str) -> Figure | None:
    """Return a chart as a figure, or None if its curve has not two points."""
    if len(chart.series[0].points) < 2:
        return None
    return draw_figure(chart, heading, sentence)
