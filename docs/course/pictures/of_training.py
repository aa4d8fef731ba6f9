"""The pictures of lessons 4 and 5: how a run learnt, and which tokens cost it most.

They come from the report's own drawing functions, on a sheet that stands alone.
"""

from __future__ import annotations

from pictures.sheet import Say, Sources, sheet_of_bars, sheet_of_chart

from textgen_core.report.charts.bars import Bar, draw_bars
from textgen_core.report.charts.curves import Chart, Level, Series, draw_chart, levels_of
from textgen_core.report.charts.scales import scale_for
from textgen_core.report.charts.svg import Picture
from textgen_core.report.records import Table
from textgen_core.report.sections.headline import read_baselines
from textgen_core.report.sections.learning import points_of
from textgen_core.report.wording import show_count, show_figure


def draw_learning(name: str, sources: Sources, say: Say) -> str:
    """Return training and validation loss of a run over the steps, and what counting would have."""
    records = sources.records(name)
    curves = {
        "training": points_of(records.training, "loss"),
        "validation": points_of(records.validations, "validation_loss"),
    }
    levels = [
        Level(label=say(each.short_name), value=each.loss)
        for each in read_baselines(records)
        if each.loss is not None
    ]
    points = [point for curve in curves.values() for point in curve]
    title = say("Training and validation loss over the steps")
    chart = Chart(
        picture=Picture(name=f"learning-{name}", title=title, description=title),
        x=scale_for([step for step, _ in points], from_zero=True, rounded=False),
        y=scale_for([loss for _, loss in points] + [level.value for level in levels]),
        x_label=say("step"),
        y_label=say("nats per token"),
        series=[
            Series(kind=kind, points=curve, dots=kind == "validation")
            for kind, curve in curves.items()
        ],
        levels=levels,
    )
    legend = [(kind, say(kind)) for kind in curves]
    legend += [(kind, level.label) for level, kind in levels_of(chart)]
    return sheet_of_chart(draw_chart(chart), title, legend)


def draw_frequencies(name: str, sources: Sources, say: Say) -> str:
    """Return the loss of a run's held-out tokens by how often each occurs in training."""
    evaluation = sources.records(name).evaluation
    if evaluation is None:
        raise SystemExit(f"the run `{name}` has no evaluation.json")
    bars = [
        Bar(label=_times(row, say), value=loss, shown=show_figure(loss, 2))
        for row in evaluation.table("errors").tables("by_frequency")
        if (loss := row.number("loss")) is not None
    ]
    if (mean := evaluation.number("loss")) is not None:
        bars.append(
            Bar(label=say("all tokens"), value=mean, shown=show_figure(mean, 2), kind="own")
        )
    title = say("Loss by how often a token occurs in the training text")
    picture = Picture(name="by-frequency", title=title, description=title)
    return sheet_of_bars(draw_bars(picture, bars, row=28, label_width=44), title)


def _times(row: Table, say: Say) -> str:
    """Return how often the tokens of a class occur, and how many of them were scored."""
    low, high, tokens = (show_count(row.number(key)) for key in ("from", "to", "tokens"))
    times = say("never") if high == "0" else f"{low}–{high} ×"
    return f"{times} ({tokens} {say('tokens')})"
