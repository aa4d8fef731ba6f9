"""The pictures of a study: finalists with their seeds, scores by budget, each setting by score.

Bad configurations may score far from all others; an axis ends before them, and they are drawn at
its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import attrs

from textgen_core.formatting import say
from textgen_core.report.charts.bars import Bar, draw_bars
from textgen_core.report.charts.curves import Chart, Series, draw_figure
from textgen_core.report.charts.dots import Dot, Row, draw_rows, draw_scatter, ratio_scale
from textgen_core.report.charts.scales import Scale, scale_for
from textgen_core.report.charts.svg import Figure, Picture
from textgen_core.report.tuning_words import (
    RECIPE,
    Scored,
    finalist_name,
    headings_of,
    name_of,
    value_words,
)
from textgen_core.report.wording import show_figure, show_percent

Values = Mapping[str, Any]
Behind = Sequence[tuple["Scored", float]]  # bits per byte more than the best of the same budget

_FULL, _SHORT = "validation", "training"  # CSS classes of a full training and of shorter ones
_REACH = 4.0  # how far an axis reaches: distances of the median from the best
_MOST_SETTINGS = 12  # that have a picture


@attrs.frozen(kw_only=True)
class Pictures:
    """What a page of a study shows; None where there is too little to show."""

    finalists: Figure | None
    budgets: Figure | None
    importances: Figure | None
    settings: Sequence[Figure]


def describe_pictures(values: Values, scored: Sequence[Scored]) -> Pictures:
    """Return the pictures of a study, of its scored configurations, the best of each rung first."""
    return Pictures(
        finalists=_finalists(values["verdict"]) if values["verdict"] else None,
        budgets=_budgets(values, scored),
        importances=_importances(values),
        settings=list(_settings(values, scored)) if len(scored) > 1 else [],
    )


def _finalists(verdict: Values) -> Figure:
    found = [verdict["winner"], *verdict["others"]]
    if verdict["recipe"] is not None and not verdict["winner"]["is_recipe"]:
        found.append(verdict["recipe"])
    found.sort(key=lambda each: each["mean"])
    rows = [
        Row(
            label=finalist_name(each["configuration"], verdict),
            dots=[
                Dot(
                    y=score,
                    kind=_SHORT if each["configuration"] == RECIPE else _FULL,
                    told=say("seed {seed}: {score:.3f}", seed=seed, score=score),
                )
                for seed, score in each["scores"].items()
            ],
            shown=show_figure(each["mean"], 3),
            mean=each["mean"],
        )
        for each in found
    ]
    picture = Picture(name="finalists", title=say("The finalists under several seeds"))
    scale = _padded(scale_for([dot.y for row in rows for dot in row.dots], rounded=False))
    return Figure(
        heading=say("The finalists under several seeds"),
        picture=draw_rows(picture, rows, scale, say("bits per byte: fewer are better")),
        sentence=say("Each dot is a full training under another seed, the ring their mean."),
    )


def _budgets(values: Values, scored: Sequence[Scored]) -> Figure | None:
    """Return how scores fall with the budget; None if there is but one."""
    lengths = [next(iter(each.values())) for each in values["budgets"]]
    if len(lengths) < 2 or not scored:
        return None
    courses: dict[int, list[tuple[float, float]]] = defaultdict(list)
    top = _top([each.score for each in scored])
    for each in reversed(scored):  # the shortest budget first
        courses[each.configuration].append((lengths[each.rung], min(each.score, top)))
    if values["verdict"]:
        leader, called = values["verdict"]["winner"]["configuration"], say("the winner")
    else:
        leader, called = scored[0].configuration, say("the best so far")
    chart = Chart(
        picture=Picture(name="budgets", title=say("Scores by training time")),
        x=Scale(
            low=min(lengths) * 0.9,
            high=max(lengths) * 1.1,
            logarithmic=True,
            ticked=tuple(lengths),
        ),
        y=_padded(scale_for([min(each.score, top) for each in scored], rounded=False)),
        x_label=_clock(values["budgets"][0]),
        y_label=say("bits per byte"),
        series=_series(courses, leader, called),
        height=240,
    )
    return draw_figure(
        chart,
        say("Scores by training time"),
        say(
            "Each line is a configuration. The best third of each budget is trained anew for the "
            "next one; lines that end early were given up."
        ),
    )


def _series(
    courses: Mapping[int, list[tuple[float, float]]], leader: int, called: str
) -> list[Series]:
    """Return a curve for each configuration: those of the recipe and the leader lie on top."""
    others = [each for each in courses if each not in (RECIPE, leader)]
    found = [
        Series(
            kind="other",
            points=courses[each],
            name="" if place else say("a configuration"),
            dots=True,
        )
        for place, each in enumerate(others)
    ]
    for configuration, kind, name in ((RECIPE, _SHORT, say("the recipe")), (leader, _FULL, called)):
        if configuration in courses and (kind == _FULL or configuration != leader):
            found.append(Series(kind=kind, points=courses[configuration], name=name, dots=True))
    return found


def _clock(budget: Values) -> str:
    if "minutes" in budget:
        return say("training time (min)")
    return say("steps of training") if "steps" in budget else say("epochs of training")


def _importances(values: Values) -> Figure | None:
    headings = headings_of(values["dimensions"])
    bars = [
        Bar(label=headings.get(key, key), value=share, shown=show_percent(share))
        for key, share in values["importances"].items()
    ]
    if not bars:
        return None
    picture = Picture(name="importances", title=say("How much each setting mattered"))
    return Figure(
        heading=say("How much each setting mattered"),
        picture=draw_bars(picture, bars),
        sentence=say(
            "Shares of what tells the good trials from the rest. A setting that matters little "
            "here may matter outside of its range."
        ),
    )


def _settings(values: Values, scored: Sequence[Scored]) -> Iterator[Figure]:
    """Yield a picture for each setting: what it was, and the score that came of it."""
    headings, shares = headings_of(values["dimensions"]), values["importances"]
    ordered = sorted(values["dimensions"], key=lambda each: -shares.get(each["key"], 0.0))
    best = {each.rung: each.score for each in reversed(scored)}
    behind = [(each, each.score - best[each.rung]) for each in reversed(scored)]
    top = _top([far for _, far in behind])
    scale = _padded(Scale(low=0.0, high=max(top, 0.01)))
    for place, dimension in enumerate(ordered[:_MOST_SETTINGS]):
        key = dimension["key"]
        with_it = [(each, far) for each, far in behind if key in each.values]  # full ones on top
        if not with_it:
            continue
        picture = Picture(name=f"setting-{place}", title=headings[key])
        draw = _by_choice if dimension["choices"] else _by_number
        full = len(values["budgets"]) - 1
        yield Figure(heading=headings[key], picture=draw(picture, dimension, with_it, scale, full))


def _by_number(picture: Picture, dimension: Values, behind: Behind, y: Scale, full: int) -> Any:
    low, high = dimension["low"], dimension["high"]
    if dimension["log"]:
        x = ratio_scale(low, high)
    else:
        margin = 0.04 * (high - low)
        x = Scale(low=low - margin, high=high + margin)
    key = dimension["key"]
    dots = [_dot(each, far, key, full, x=float(each.values[key])) for each, far in behind]
    return draw_scatter(picture, x, y, dots, x_label=picture.title, y_label=say("behind the best"))


def _by_choice(picture: Picture, dimension: Values, behind: Behind, scale: Scale, full: int) -> Any:
    key = dimension["key"]
    rows = []
    for choice in dimension["choices"]:
        dots = [_dot(each, far, key, full) for each, far in behind if each.values[key] == choice]
        rows.append(Row(label=value_words(choice), dots=dots, shown=str(len(dots))))
    return draw_rows(picture, rows, scale, say("behind the best"))


def _dot(scored: Scored, behind: float, key: str, full: int, x: float = 0.0) -> Dot:
    told = f"{name_of(scored.configuration)}: {value_words(scored.values[key])}, {scored.score:.3f}"
    return Dot(x=x, y=behind, kind=_FULL if scored.rung == full else "short", told=told)


def _top(scores: Sequence[float]) -> float:
    """Return where an axis of scores ends: before those that would squeeze all others."""
    best, middle = min(scores), median(scores)
    return min(max(scores), best + _REACH * max(middle - best, 0.01))


def _padded(scale: Scale) -> Scale:
    margin = 0.05 * (scale.high - scale.low)
    return Scale(low=scale.low - margin, high=scale.high + margin)
