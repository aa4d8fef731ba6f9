"""How a run learnt: the curves of the losses and of the learning rate.

Takes the records of a run and returns what the page shows; knows nothing about HTML.
"""

from __future__ import annotations

import re
import statistics

import attrs
from markupsafe import Markup

from textgen_core.report.charts.curves import Chart, Level, Mark, Series, draw_chart
from textgen_core.report.charts.scales import Points, Scale, scale_for, thin
from textgen_core.report.charts.svg import Picture
from textgen_core.report.fields import Table
from textgen_core.report.records import Records, step_of
from textgen_core.report.sections.baselines import read_baselines
from textgen_core.report.sections.headline import Card, trained_seconds
from textgen_core.report.wording import show_count, show_duration, show_figure, show_short

MOST_POINTS = 400  # of a curve: more than a screen tells apart
MOST_VALIDATIONS = 60  # rows of the table; the curve has all

_CHECKPOINT = re.compile(r"step-(\d{1,15})")


@attrs.frozen(kw_only=True)
class Learning:
    """The curves of a run, and the rows of its validations."""

    cards: tuple[Card, ...]
    losses: Markup
    has_training: bool
    has_validation: bool
    has_levels: bool
    averaged: int
    rates: Markup | None
    best: str
    validations: tuple[tuple[str, ...], ...]
    validations_left_out: int


def describe_learning(records: Records) -> Learning | None:
    """Return how a run learnt, or None if nothing was logged."""
    training = points_of(records.training, "loss")
    validation = points_of(records.validations, "validation_loss")
    if not training and not validation:
        return None
    levels = _levels(records)
    mark = _best(records)
    shown = records.validations[-MOST_VALIDATIONS:]
    return Learning(
        cards=_cards(records),
        losses=_draw_losses(training, validation, levels, mark),
        has_training=bool(training),
        has_validation=bool(validation),
        has_levels=bool(levels),
        averaged=-(-len(training) // MOST_POINTS),
        rates=_draw_rates(records),
        best=_best_sentence(mark, _epoch_of(mark, records)),
        validations=tuple(_validation_row(row) for row in shown),
        validations_left_out=len(records.validations) - len(shown),
    )


def points_of(rows: list[Table], key: str) -> Points:
    """Return step and figure of the rows that have one, in the order of the steps."""
    found = [(float(step_of(row)), row.number(key)) for row in rows]
    return sorted((step, value) for step, value in found if value is not None)


def _cards(records: Records) -> tuple[Card, ...]:
    last = records.training[-1] if records.training else None
    speeds = [row.number("tokens_per_second") for row in records.training]
    known = [speed for speed in speeds if speed is not None]
    steps = max((step_of(row) for row in records.rows), default=None)
    return (
        Card(name="steps", value=show_count(steps)),
        Card(name="epochs", value=show_count(last.number("epoch") if last else None)),
        Card(name="tokens seen", value=show_short(last.number("tokens") if last else None)),
        Card(name="training time", value=show_duration(trained_seconds(records))),
        Card(
            name="median speed",
            value=show_count(statistics.median(known) if known else None),
            unit="tokens/s",
        ),
    )


def _draw_losses(
    training: Points, validation: Points, levels: list[Level], mark: Mark | None
) -> Markup:
    series = [
        Series(kind="training", points=thin(training, MOST_POINTS)),
        Series(
            kind="validation",
            points=thin(validation, MOST_POINTS),
            dots=len(validation) <= MOST_VALIDATIONS,
        ),
    ]
    values = [value for each in series for _, value in each.points]
    values += [level.value for level in levels] + ([mark.y] if mark else [])
    return draw_chart(
        Chart(
            picture=Picture(
                name="losses",
                title="Training and validation loss over the steps",
                description=f"{_course('training loss', training)} "
                f"{_course('validation loss', validation)} {_best_sentence(mark)}",
            ),
            x=_step_scale(training, validation, mark),
            y=scale_for(values),
            x_label="step",
            y_label="nats per token",
            series=[each for each in series if each.points],
            levels=levels,
            mark=mark,
            height=320,
        )
    )


def _draw_rates(records: Records) -> Markup | None:
    rates = thin(points_of(records.training, "learning_rate"), MOST_POINTS)
    if not rates:
        return None
    return draw_chart(
        Chart(
            picture=Picture(
                name="rates",
                title="Learning rate over the steps",
                description=_course("learning rate", rates),
            ),
            x=_step_scale(rates),
            y=scale_for([value for _, value in rates], from_zero=True),
            x_label="step",
            y_label="learning rate",
            series=[Series(kind="rate", points=rates)],
            height=110,
        )
    )


def _course(name: str, points: Points) -> str:
    """Return in a sentence from where to where a curve goes."""
    if not points:
        return f"There is no {name}."
    (first_step, first), (last_step, last) = points[0], points[-1]
    return (
        f"The {name} goes from {first:.4g} at step {first_step:.0f} "
        f"to {last:.4g} at step {last_step:.0f}."
    )


def _step_scale(*curves: Points | Mark | None) -> Scale:
    steps = [each.x for each in curves if isinstance(each, Mark)]
    steps += [x for each in curves if each and not isinstance(each, Mark) for x, _ in each]
    return scale_for(steps, from_zero=True, rounded=False)


def _levels(records: Records) -> list[Level]:
    return [
        Level(label=f"{baseline.short_name} {show_figure(baseline.loss, 2)}", value=baseline.loss)
        for baseline in read_baselines(records)
        if baseline.loss is not None
    ]


def _best(records: Records) -> Mark | None:
    """Return the best checkpoint as a mark on the validation curve."""
    if records.best is None:
        return None
    match = _CHECKPOINT.fullmatch(records.best.text("checkpoint") or "")
    loss = records.best.number("validation_loss")
    if match is None or loss is None:
        return None
    return Mark(label=f"best {show_figure(loss, 3)}", x=float(match[1]), y=loss)


def _epoch_of(mark: Mark | None, records: Records) -> float | None:
    """Return the epoch in which the best checkpoint was made, from 1."""
    if mark is None:
        return None
    rows = [row for row in records.training if step_of(row) <= mark.x]
    return max(rows, key=step_of).number("epoch") if rows else None


def _best_sentence(mark: Mark | None, epoch: float | None = None) -> str:
    if mark is None:
        return ""
    place = "" if epoch is None else f" in epoch {show_count(epoch)},"
    return (
        f"The best checkpoint is that of step {show_count(mark.x)},{place} "
        f"with a validation loss of {show_figure(mark.y, 3)}."
    )


def _validation_row(row: Table) -> tuple[str, ...]:
    return (
        show_count(step_of(row)),
        show_figure(row.number("validation_loss"), 3),
        show_figure(row.number("validation_perplexity"), 1),
        show_figure(row.number("validation_bits_per_byte"), 3),
    )
