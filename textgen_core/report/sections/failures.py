"""Where a model fails: pictures of its loss, its worst lines and loops, and the diagnosis."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from textgen_core.evaluation.findings import tell_findings
from textgen_core.formatting import say
from textgen_core.report.charts.bars import Bar, draw_bars
from textgen_core.report.charts.curves import Chart, Level, Series, draw_figure
from textgen_core.report.charts.scales import Points, logarithmic_scale, scale_for
from textgen_core.report.charts.svg import Figure, Picture
from textgen_core.report.records import Records, Section, Table
from textgen_core.report.sections.samples import Mask
from textgen_core.report.wording import MISSING, cut, show_count, show_figure, show_short

MOST_BARS = 12
MOST_LINES = 10
MOST_LOOPS = 10
LONGEST_LINE = 300  # characters

_LONGEST_TEXT = 600  # characters of a finding's issue, evidence or suggestion
_LONGEST_SETTING = 120
_QUOTATION = re.compile("“[^”]*”")  # a phrase of a sample, which may be memorized
_LEAST_TOKENS = 200  # of a point by position: the loss of fewer is chance
_LEAST_SPAN = 0.1  # of a loss, on each side of it
_LOGARITHMIC = 50  # places from which on an axis of positions is logarithmic


@attrs.frozen
class _Position:
    """What a position is counted in: the picture's title, its axis, and how to read it."""

    title: str
    axis: str
    reading: str


_POSITIONS = {
    "window": _Position(
        "Loss by position in the window",
        "position in the window",
        "A token at the start of a window has little text before it, so its loss is high. "
        "Where the curve turns flat, seeing further back no longer helps.",
    ),
    "stream": _Position(
        "Loss by position in the stream",
        "position in the stream",
        "The model reads on and carries its state along. A curve that falls gains from what "
        "lies far back; one that rises shows a state that wears out.",
    ),
}


@attrs.frozen
class Finding:
    """An issue, the evidence for it, a suggestion, and the setting for that, or ""."""

    trouble: str
    evidence: str
    advice: str
    setting: str


def describe_failures(records: Records, *, excerpts: bool, mask: Mask) -> Section | None:
    """Return where the model fails, or None if that was not analysed.

    Without `excerpts` the lines that were predicted worst are left out: they are the corpus' own.
    """
    errors = records.evaluation.table("errors") if records.evaluation else None
    if records.evaluation is None or errors is None or not errors.values:
        return None
    mean = records.evaluation.number("loss")
    figures = (
        _plot_frequencies(errors, mean),
        _plot_positions(errors, mean),
        _plot_gap(errors),
        _plot_surprisal(errors),
        _plot_repeats(errors),
    )
    lines = tuple(
        (
            show_figure(row.number("bits_per_byte"), 2),
            cut((row.text("text") or "").strip(), LONGEST_LINE),
            say("{number} tokens", number=show_count(row.number("tokens"))),
        )
        for row in errors.tables("worst_lines")[:MOST_LINES]
    )
    loops = tuple(
        (
            f"{show_count(row.number('times'))} ×",
            cut(mask.hide(row.text("text") or "").strip(), LONGEST_LINE),
            say("sample {number}", number=show_count(row.number("sample"))),
        )
        for row in errors.tables("loops")[:MOST_LOOPS]
    )
    return {
        "figures": tuple(filter(None, figures)),
        "worst_lines": lines if excerpts else (),
        "worst_lines_left_out": bool(lines) and not excerpts,
        "loops": loops,
    }


def describe_diagnosis(records: Records, *, excerpts: bool) -> list[Finding] | None:
    """Return the diagnosis, or None if the run was not scored; without `excerpts` unquoted."""
    if records.evaluation is None:
        return None
    tables = records.evaluation.tables("diagnosis")
    for table in tables:
        for key in ("trouble", "evidence", "advice", "setting"):
            table.text(key)  # raises where it is none
    found = []
    for told in tell_findings([table.values for table in tables]):
        evidence = cut(" ".join(told.evidence), _LONGEST_TEXT) or MISSING
        if not excerpts:
            evidence = _QUOTATION.sub("“…”", evidence)
        trouble = cut(", ".join(told.issues), _LONGEST_TEXT) or MISSING
        advice = cut(told.advice, _LONGEST_TEXT) or MISSING
        found.append(Finding(trouble, evidence, advice, cut(told.setting, _LONGEST_SETTING)))
    return found


def _plot_frequencies(errors: Table, mean: float | None) -> Figure | None:
    """Return the loss by how often a token occurs in the training text; None if not measured."""
    bars = [
        Bar(label=_frequency(row), value=loss, shown=show_figure(loss, 2))
        for row in errors.tables("by_frequency")[:MOST_BARS]
        if (loss := row.number("loss")) is not None
    ]
    if not bars:
        return None
    if mean is not None:
        bars.append(
            Bar(label=say("All tokens"), value=mean, shown=show_figure(mean, 2), kind="own")
        )
    title = say("Loss in nats per token, by how often a token occurs in the training text")
    picture = Picture(name="by-frequency", title=title)
    return Figure(
        heading=say("Common and rare tokens"),
        picture=draw_bars(picture, bars, row=28, label_width=44),
        sentence=say(
            "Loss in nats per token, by how often the token occurs in the training text. What was "
            "seen seldom is predicted badly; more text or smaller tokens help there."
        ),
    )


def _frequency(row: Table) -> str:
    """Return how often tokens of a class occur, and how many were scored."""
    low, high, tokens = (row.number(key) for key in ("from", "to", "tokens"))
    if high is None:
        times = say("{low} times or more", low=show_short(low))
    elif not high:
        times = say("Never")
    elif low == high:
        times = say("Once") if high == 1 else say("{number} times", number=show_short(high))
    else:
        times = say("{low} to {high} times", low=show_short(low), high=show_short(high))
    if tokens is None:
        return times
    return f"{times} ({say('{number} tokens', number=show_short(tokens))})"


def _plot_positions(errors: Table, mean: float | None) -> Figure | None:
    """Return the loss over the position in the window or stream; None if not measured."""
    kind = errors.text("position_of") or ""
    kind = kind if kind in _POSITIONS else "window"
    points: list[tuple[float, float]] = []  # place, counted from 1, and loss
    places = nats = tokens = 0.0
    for place, loss, weight in errors.rows("by_position", float, float, float):
        if place is None or loss is None or weight is None or place < 0 or weight < 0:
            continue
        places, nats, tokens = places + weight * place, nats + weight * loss, tokens + weight
        if tokens >= _LEAST_TOKENS:  # else the mean of neighbours
            points.append((places / tokens + 1, nats / tokens))
            places = nats = tokens = 0.0
    return _plot(
        "by-position",
        say(_POSITIONS[kind].title),
        say("Early and late tokens"),
        say(_POSITIONS[kind].reading),
        points,
        x_label=say(_POSITIONS[kind].axis),
        levels=[]
        if mean is None
        else [Level(label=say("mean {loss}", loss=show_figure(mean, 2)), value=mean)],
        logarithmic=bool(points) and points[-1][0] >= _LOGARITHMIC,
    )


def _plot_surprisal(errors: Table) -> Figure | None:
    """Return the loss over the tokens of a long sample, and of held-out text; None if unknown."""
    return _plot(
        "over-length",
        say("Loss over the length of a long sample"),
        say("Surprisal in a long sample"),
        say(
            "How much its own text surprises the model. A curve that sinks shows a text that turns "
            "in circles; one that climbs, a text that falls apart."
        ),
        _over_length(errors, "over_length", 1),
        beside=_over_length(errors, "over_length_held_out", 1),
        x_label=say("tokens"),
    )


def _plot_repeats(errors: Table) -> Figure | None:
    """Return the share of repeated 4-grams over the tokens of a long sample, likewise."""
    written, real = (
        [(tokens, 100 * share) for tokens, share in _over_length(errors, key, 2)]
        for key in ("over_length", "over_length_held_out")
    )
    return _plot(
        "over-length-repeats",
        say("Share of repeated 4-grams over the length of a long sample"),
        say("Repeats in a long sample"),
        say("How much of each span occurred in the text before. People's text stays under 5 %."),
        written,
        beside=real,
        x_label=say("tokens"),
        y_label=say("repeated 4-grams, %"),
        from_zero=True,
    )


def _over_length(errors: Table, key: str, column: int) -> Points:
    rows = errors.rows(key, float, float, float)
    return [(row[0], row[column]) for row in rows if None not in (row[0], row[column])]


def _plot_gap(errors: Table) -> Figure | None:
    """Return by how much the loss is higher on validation than in training, over the steps."""
    return _plot(
        "gap",
        say("Validation loss less training loss over the steps"),
        say("Seen and unseen text"),
        say(
            "Validation loss less training loss. Near zero, unseen text is predicted as well as "
            "seen text; a gap that grows shows that the training text is being memorized."
        ),
        [
            (row[0], row[2] - row[1])
            for row in errors.rows("gap", float, float, float)
            if None not in row
        ],
        x_label=say("step"),
        from_zero=True,
    )


def _plot(
    name: str,
    title: str,
    heading: str,
    sentence: str,
    points: Points,
    *,
    x_label: str,
    y_label: str = "",
    beside: Points = (),
    levels: Sequence[Level] = (),
    logarithmic: bool = False,
    from_zero: bool = False,
    height: int = 150,
) -> Figure | None:
    """Return a curve, and `beside` it that of held-out text; None if it has not two points."""
    if len(points) < 2:
        return None
    own, real = sorted(points), sorted(beside)
    places = [place for place, _ in (*own, *real)]
    names = (say("the model's text"), say("held-out text")) if real else ("", "")
    series = [
        Series(kind="validation", points=own, name=names[0], dots=True),
        Series(kind="training", points=real, name=names[1], dots=True),
    ]
    values = [value for _, value in (*own, *real)] + [level.value for level in levels]
    if not from_zero:  # space for a tenth more and less, so that chance looks no larger
        middle = sum(values) / len(values)
        values += [(1 - _LEAST_SPAN) * middle, (1 + _LEAST_SPAN) * middle]
    x = logarithmic_scale(places) if logarithmic else scale_for(places, rounded=False)
    chart = Chart(
        picture=Picture(name=name, title=title),
        x=x,
        y=scale_for(values, from_zero=from_zero),
        x_label=x_label,
        y_label=y_label or say("nats per token"),
        series=series if real else series[:1],
        levels=levels,
        height=height,
    )
    return draw_figure(chart, heading, sentence)
