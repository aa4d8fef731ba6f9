"""How a run learnt: the curves of the losses and of the learning rate."""

from __future__ import annotations

import re
import statistics

from textgen_core.formatting import say
from textgen_core.report.charts.curves import Chart, Level, Mark, Series, draw_figure
from textgen_core.report.charts.scales import MOST_POINTS, Points, Scale, scale_for, thin, time_axis
from textgen_core.report.charts.svg import Figure, Picture
from textgen_core.report.records import Records, Section, Table, step_of
from textgen_core.report.sections.headline import Card, read_baselines, trained_seconds
from textgen_core.report.wording import show_count, show_duration, show_figure, show_short


def describe_learning(records: Records) -> Section | None:
    """Return how a run learnt, or None if nothing was logged."""
    training = points_of(records.training, "loss")
    validation = points_of(records.validations, "validation_loss")
    if not training and not validation:
        return None
    rows = tuple(
        (
            show_count(step_of(row)),
            show_figure(row.number("validation_loss"), 3),
            show_figure(row.number("validation_perplexity"), 1),
            show_figure(row.number("validation_bits_per_byte"), 3),
        )
        for row in records.validations
    )
    return {
        "cards": _cards(records),
        "losses": _draw_losses(training, validation, records),
        "rates": _draw_rates(records),
        "validations": rows,
    }


def points_of(rows: list[Table], key: str) -> Points:
    """Return step and figure of the rows that have one, in the order of the steps."""
    found = [(float(step_of(row)), row.number(key)) for row in rows]
    return sorted((step, value) for step, value in found if value is not None)


def _cards(records: Records) -> tuple[Card, ...]:
    last = records.training[-1] if records.training else None
    speeds = [value for _, value in points_of(records.training, "tokens_per_second")]
    speed = show_count(statistics.median(speeds) if speeds else None)
    steps = max((step_of(row) for row in records.rows), default=None)
    return (
        Card(name=say("steps"), value=show_count(steps)),
        Card(name=say("epochs"), value=show_count(last.number("epoch") if last else None)),
        Card(name=say("tokens seen"), value=show_short(last.number("tokens") if last else None)),
        Card(name=say("training time"), value=show_duration(trained_seconds(records))),
        Card(name=say("median speed"), value=speed, unit=say("tokens/s")),
    )


def _draw_losses(training: Points, validation: Points, records: Records) -> Figure:
    mark = _best(records)
    series = [
        Series(kind="training", points=training, name=say("training loss")),
        Series(kind="validation", points=validation, name=say("validation loss"), dots=True),
    ]
    levels = [
        Level(label=f"{baseline.short_name} {show_figure(baseline.loss, 2)}", value=baseline.loss)
        for baseline in read_baselines(records)
        if baseline.loss is not None
    ]
    marked = [(mark.x, mark.y)] if mark else []
    curves = (thin(each, MOST_POINTS) for each in (training, validation))  # as they are drawn
    values = [value for each in (*curves, marked) for _, value in each]
    steps = _step_scale([*training, *validation, *marked])
    chart = Chart(
        picture=Picture(name="losses", title=say("Training and validation loss over the steps")),
        x=steps,
        y=scale_for(values + [level.value for level in levels]),
        x_label=say("step"),
        y_label=say("nats per token"),
        series=[each for each in series if each.points],
        levels=levels,
        mark=mark,
        beneath=time_axis(steps, points_of(records.training, "seconds")),
        height=250,
    )
    sentences = [_best_sentence(mark, records), _averaged_sentence(len(training))]
    return draw_figure(chart, sentence=" ".join(filter(None, sentences)))


def _averaged_sentence(rows: int) -> str:
    averaged = -(-rows // MOST_POINTS)
    if averaged < 2:
        return ""
    return say("Each point of the training loss is the mean of {number} rows.", number=averaged)


def _draw_rates(records: Records) -> Figure | None:
    rates = points_of(records.training, "learning_rate")
    if not rates:
        return None
    steps = _step_scale(rates)
    chart = Chart(
        picture=Picture(name="rates", title=say("Learning rate over the steps")),
        x=steps,
        y=scale_for([value for _, value in rates], from_zero=True),
        x_label=say("step"),
        y_label=say("learning rate"),
        series=[Series(kind="rate", points=rates)],
        beneath=time_axis(steps, points_of(records.training, "seconds")),
        height=110,
    )
    return draw_figure(chart, say("Learning rate"))


def _step_scale(points: Points) -> Scale:
    return scale_for([step for step, _ in points], from_zero=True, rounded=False)


def _best(records: Records) -> Mark | None:
    """Return the best checkpoint as a mark on the validation curve."""
    if records.best is None:
        return None
    match = re.fullmatch(r"step-(\d{1,15})", records.best.text("checkpoint") or "")
    loss = records.best.number("validation_loss")
    if match is None or loss is None:
        return None
    return Mark(label=say("best {loss}", loss=show_figure(loss, 3)), x=float(match[1]), y=loss)


def _best_sentence(mark: Mark | None, records: Records) -> str:
    if mark is None:
        return ""
    rows = [row for row in records.training if step_of(row) <= mark.x]
    epoch = max(rows, key=step_of).number("epoch") if rows else None
    step, loss = show_count(mark.x), show_figure(mark.y, 3)
    if epoch is None:
        return say(
            "The best checkpoint is that of step {step}, with a validation loss of {loss}.",
            step=step,
            loss=loss,
        )
    return say(
        "The best checkpoint is that of step {step}, in epoch {epoch}, with a validation loss of "
        "{loss}.",
        step=step,
        epoch=show_count(epoch),
        loss=loss,
    )
