"""Pictures of where a model fails: by the tokens' frequency and position, and as a text grows.

Takes the table `errors` of an evaluation and returns pictures with a sentence on how to read each;
knows nothing about HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
from markupsafe import Markup

from textgen_core.report.charts.bars import Bar, draw_bars
from textgen_core.report.charts.curves import Chart, Level, Series, draw_chart
from textgen_core.report.charts.scales import Points, Scale, logarithmic_scale, scale_for, thin
from textgen_core.report.charts.svg import Picture
from textgen_core.report.fields import Table
from textgen_core.report.wording import show_count, show_figure, show_short

MOST_BARS = 12
MOST_POINTS = 400  # of a curve: more than a screen tells apart
MOST_DOTS = 40  # of a curve: more would hide it

_LEAST_TOKENS = 200  # of a point by position: the loss of fewer is chance
_LEAST_SPAN = 0.1  # of a loss, on each side of it
_LOGARITHMIC = 50  # places from which on an axis of positions is logarithmic

_NATS = "nats per token"
_POSITIONS = {
    "window": (
        "position in the window",
        "A token at the start of a window has little text before it, so its loss is high. Where "
        "the curve turns flat, seeing further back no longer helps.",
    ),
    "stream": (
        "position in the stream",
        "The model reads on and carries its state along. A curve that falls gains from what lies "
        "far back; one that rises shows a state that wears out.",
    ),
}


@attrs.frozen(kw_only=True)
class Plot:
    """A picture with its heading and a sentence on how to read it.

    legend: CSS class and name of each curve, where there are several.
    """

    heading: str
    picture: Markup
    sentence: str
    legend: tuple[tuple[str, str], ...] = ()


def plot_frequencies(errors: Table, mean: float | None) -> Plot | None:
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
    listed = ", ".join(f"{bar.label}: {bar.shown}" for bar in bars)
    picture = Picture(
        name="by-frequency",
        title="Loss by how often a token occurs in the training text",
        description=f"Nats per token: {listed}.",
    )
    return Plot(
        heading="Common and rare tokens",
        picture=draw_bars(picture, bars, row=28, label_width=44),
        sentence="Loss in nats per token, by how often the token occurs in the training text. What "
        "was seen seldom is predicted badly; more text or smaller tokens help there.",
    )


def plot_positions(errors: Table, mean: float | None) -> Plot | None:
    """Return the loss over the position in the window or stream; None if not measured."""
    x_label, sentence = _POSITIONS.get(errors.text("position_of") or "", _POSITIONS["window"])
    points = _enough_tokens(errors.triples("by_position"))
    curve = _Curve(
        name="by-position",
        title=f"Loss by {x_label}",
        points=points,
        x_label=x_label,
        levels=[] if mean is None else [Level(label=f"mean {show_figure(mean, 2)}", value=mean)],
        logarithmic=bool(points) and points[-1][0] >= _LOGARITHMIC,
        height=200,
    )
    return _plot("Early and late tokens", curve, sentence)


def plot_surprise_over_length(errors: Table) -> Plot | None:
    """Return the loss over the tokens of a long sample, and of held-out text; None if unknown."""
    written, real = (errors.triples(key) for key in ("over_length", "over_length_held_out"))
    curve = _Curve(
        name="over-length",
        title="Loss over the length of a long sample",
        points=_known((tokens, loss) for tokens, loss, _ in written),
        beside=_known((tokens, loss) for tokens, loss, _ in real),
        x_label="tokens",
    )
    return _plot(
        "Surprise in a long sample",
        curve,
        "How much its own text surprises the model. A curve that sinks shows a text that turns in "
        "circles; one that climbs, a text that falls apart.",
    )


def plot_repeats_over_length(errors: Table) -> Plot | None:
    """Return the share of repeated 4-grams over the tokens of a long sample, likewise."""
    written, real = (
        _known((tokens, None if share is None else 100 * share) for tokens, _, share in rows)
        for rows in (errors.triples("over_length"), errors.triples("over_length_held_out"))
    )
    curve = _Curve(
        name="over-length-repeats",
        title="Share of repeated 4-grams over the length of a long sample",
        points=written,
        beside=real,
        x_label="tokens",
        y_label="repeated 4-grams, %",
        from_zero=True,
    )
    return _plot(
        "Repeats in a long sample",
        curve,
        "How much of each stretch stood in the text before. People's text stays under 5 %.",
    )


def plot_gap(errors: Table) -> Plot | None:
    """Return by how much the loss is higher on validation than in training, over the steps."""
    gaps = [
        (step, None if training is None or validation is None else validation - training)
        for step, training, validation in errors.triples("gap")
    ]
    curve = _Curve(
        name="gap",
        title="Validation loss less training loss over the steps",
        points=_known(gaps),
        x_label="step",
        from_zero=True,
        height=120,
    )
    return _plot(
        "Seen and unseen text",
        curve,
        "Validation loss less training loss. Near zero, unseen text is predicted as well as seen "
        "text; a gap that grows shows that the training text is being learnt by heart.",
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


# ---- a chart of one curve ---------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Curve:
    name: str
    title: str
    points: Points
    x_label: str
    y_label: str = _NATS
    beside: Points = ()  # the same of held-out text
    levels: Sequence[Level] = ()
    from_zero: bool = False
    logarithmic: bool = False
    height: int = 150


def _known(pairs: Iterable[tuple[float | None, float | None]]) -> Points:
    """Return the pairs of which both are known, in the order of the first."""
    return sorted((x, y) for x, y in pairs if x is not None and y is not None)


def _enough_tokens(rows: Sequence[tuple[float | None, float | None, float | None]]) -> Points:
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
    return sorted(points)


def _plot(heading: str, curve: _Curve, sentence: str) -> Plot | None:
    """Return a curve as a plot, or None if it has not two points."""
    if len(curve.points) < 2:
        return None
    legend = (("validation", "the model's text"), ("training", "held-out text"))
    return Plot(
        heading=heading,
        picture=_draw(curve),
        sentence=sentence,
        legend=legend if curve.beside else (),
    )


def _draw(curve: _Curve) -> Markup:
    places = [place for place, _ in (*curve.points, *curve.beside)]
    curves = [("training", curve.beside), ("validation", curve.points)]
    return draw_chart(
        Chart(
            picture=Picture(name=curve.name, title=curve.title, description=_course(curve)),
            x=logarithmic_scale(places) if curve.logarithmic else scale_for(places, rounded=False),
            y=_y_scale(curve),
            x_label=curve.x_label,
            y_label=curve.y_label,
            series=[
                Series(kind=kind, points=thin(points, MOST_POINTS), dots=len(points) <= MOST_DOTS)
                for kind, points in curves
                if points
            ],
            levels=curve.levels,
            height=curve.height,
        )
    )


def _y_scale(curve: _Curve) -> Scale:
    """Return an axis that has room for a tenth more and less, so that chance looks no larger."""
    values = [value for _, value in (*curve.points, *curve.beside)]
    values += [level.value for level in curve.levels]
    if curve.from_zero:
        return scale_for(values, from_zero=True)
    middle = sum(values) / len(values)
    return scale_for([*values, (1 - _LEAST_SPAN) * middle, (1 + _LEAST_SPAN) * middle])


def _course(curve: _Curve) -> str:
    """Return in a sentence from where to where a curve goes."""
    (first_x, first), (last_x, last) = curve.points[0], curve.points[-1]
    return (
        f"From {show_figure(first)} {curve.y_label} at {curve.x_label} {show_count(first_x)} "
        f"to {show_figure(last)} at {show_count(last_x)}."
    )
