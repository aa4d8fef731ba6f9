"""Pictures of where a model fails: by the tokens' frequency and position, and as a text grows.

Takes the table `errors` of an evaluation and returns pictures with a sentence on how to read each;
knows nothing about HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
from markupsafe import Markup

from textgen_core.report.bars import Bar, draw_bars
from textgen_core.report.curves import Chart, Level, Series, draw_chart
from textgen_core.report.drawing import Picture
from textgen_core.report.fields import Table
from textgen_core.report.scales import Points, scale_for, thin
from textgen_core.report.wording import show_count, show_figure, show_short

MOST_BARS = 12
MOST_POINTS = 400  # of a curve: more than a screen tells apart
MOST_DOTS = 40  # of a curve: more would hide it

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
    """A picture with its heading and a sentence on how to read it."""

    heading: str
    picture: Markup
    sentence: str


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
    levels = [] if mean is None else [Level(label=f"mean {show_figure(mean, 2)}", value=mean)]
    curve = _Curve(
        name="by-position",
        title=f"Loss by {x_label}",
        points=_known((x, loss) for x, loss, _ in errors.triples("by_position")),
        x_label=x_label,
        levels=levels,
        height=200,
    )
    return _plot("Early and late tokens", curve, sentence)


def plot_surprise_over_length(errors: Table) -> Plot | None:
    """Return the loss over the tokens of a long sample; None if not measured."""
    curve = _Curve(
        name="over-length",
        title="Loss over the length of a long sample",
        points=_known((tokens, loss) for tokens, loss, _ in errors.triples("over_length")),
        x_label="tokens written",
    )
    return _plot(
        "Surprise in a long sample",
        curve,
        "How much its own text surprises the model. A curve that sinks shows a text that turns in "
        "circles; one that climbs, a text that falls apart.",
    )


def plot_repeats_over_length(errors: Table) -> Plot | None:
    """Return the share of repeated 4-grams over the tokens of a long sample, likewise."""
    shares = [
        (tokens, None if share is None else 100 * share)
        for tokens, _, share in errors.triples("over_length")
    ]
    curve = _Curve(
        name="over-length-repeats",
        title="Share of repeated 4-grams over the length of a long sample",
        points=_known(shares),
        x_label="tokens written",
        y_label="repeated 4-grams, %",
        from_zero=True,
    )
    return _plot(
        "Repeats in a long sample",
        curve,
        "How much of it the model had written before. People's text stays under 5 %.",
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
    levels: Sequence[Level] = ()
    from_zero: bool = False
    height: int = 150


def _known(pairs: Iterable[tuple[float | None, float | None]]) -> Points:
    """Return the pairs of which both are known, in the order of the first."""
    return sorted((x, y) for x, y in pairs if x is not None and y is not None)


def _plot(heading: str, curve: _Curve, sentence: str) -> Plot | None:
    """Return a curve as a plot, or None if it has not two points."""
    if len(curve.points) < 2:
        return None
    shown = thin(curve.points, MOST_POINTS)
    values = [value for _, value in curve.points] + [level.value for level in curve.levels]
    drawn = draw_chart(
        Chart(
            picture=Picture(name=curve.name, title=curve.title, description=_course(curve)),
            x=scale_for([x for x, _ in curve.points], rounded=False),
            y=scale_for(values, from_zero=curve.from_zero),
            x_label=curve.x_label,
            y_label=curve.y_label,
            series=[Series(kind="validation", points=shown, dots=len(shown) <= MOST_DOTS)],
            levels=curve.levels,
            height=curve.height,
        )
    )
    return Plot(heading=heading, picture=drawn, sentence=sentence)


def _course(curve: _Curve) -> str:
    """Return in a sentence from where to where a curve goes."""
    (first_x, first), (last_x, last) = curve.points[0], curve.points[-1]
    return (
        f"From {show_figure(first)} {curve.y_label} at {curve.x_label} {show_count(first_x)} "
        f"to {show_figure(last)} at {show_count(last_x)}."
    )
