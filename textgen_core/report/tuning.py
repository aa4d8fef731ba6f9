"""A study of `textgen tune` as one page, from the values of its JSON, finished or not.

Names and values are foreign: the template engine escapes them. How a study is searched is not known
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textgen_core.formatting import chosen_language, format_duration, say
from textgen_core.report.page import page_environment
from textgen_core.report.tuned_samplers import describe_samplers
from textgen_core.report.tuning_pictures import describe_pictures
from textgen_core.report.tuning_words import (
    RECIPE,
    Scored,
    best_first,
    budget_words,
    commands_of,
    finalist_name,
    headings_of,
    name_of,
    summary_of,
    tell_verdict,
    title_of,
    value_words,
)
from textgen_core.report.wording import MISSING, show_count, show_figure
from textgen_core.runs.files import write_text

Values = Mapping[str, Any]

_SHOWN = 40  # configurations in the table


def write_tuning(path: Path, values: Values) -> Path:
    """Write the page of a study, and return its path.

    Raises RunDirectoryError if it cannot be written.
    """
    write_text(path, render_tuning(values))
    return path


def render_tuning(values: Values) -> str:
    """Return the page of a study.

    values: those of `Tuning.as_json`, with `samplers`, those of `SamplerTuning.as_json`, if
    samplers were tuned on the winner.
    """
    columns, rows = _table(values)
    samplers = describe_samplers(values.get("samplers"))
    contents = {
        "result": say("Result"),
        "settings": say("Settings") if rows else "",
        "samplers": say("Samplers") if samplers else "",
        "trials": say("Trials"),
        "reading": say("How to read it"),
    }
    return (
        page_environment()
        .get_template("tuning.html")
        .render(
            language=chosen_language(),
            values=values,
            contents=[(section, title) for section, title in contents.items() if title],
            title=title_of(values),
            subtitle=summary_of(values),
            sentences=list(tell_verdict(values)),
            commands=commands_of(values),
            settings=_winning_settings(values),
            pictures=describe_pictures(values, best_first(values)),
            columns=columns,
            rows=rows,
            shown=_SHOWN,
            failed=_failed(values),
            samplers=samplers,
        )
    )


def _table(values: Values) -> tuple[list[tuple[str, str]], list[list[str]]]:
    """Return the columns of the table of trials, and its rows."""
    headings = headings_of(values["dimensions"])
    columns = [
        (say("configuration"), "remark"),
        (say("trained"), "number"),
        (say("bits per byte"), "number"),
        (say("seeds"), "number"),
        *((heading, "number") for heading in headings.values()),
        (say("parameters"), "number"),
        (say("time"), "number"),
    ]
    return columns, [_row(values, each, headings) for each in best_first(values)]


def _row(values: Values, scored: Scored, headings: Mapping[str, str]) -> list[str]:
    is_full = scored.rung == len(values["budgets"]) - 1
    seconds = scored.trial["seconds"]
    return [
        finalist_name(scored.configuration, values["verdict"] if is_full else None),
        budget_words(values["budgets"][scored.rung]),
        show_figure(scored.score, 3),
        str(scored.seeds),
        *(value_words(scored.values[key]) if key in scored.values else MISSING for key in headings),
        show_count(scored.trial["parameters"]),
        MISSING if seconds is None else format_duration(seconds),
    ]


def _failed(values: Values) -> list[tuple[str, str]]:
    """Return the trials that failed, and why."""
    return [
        (name_of(each["configuration"]), each["reason"])
        for each in values["trials"]
        if each["state"] == "failed"
    ]


def _winning_settings(values: Values) -> list[tuple[str, str]]:
    """Return what the winner has in place of the recipe's settings; of the recipe nothing."""
    verdict = values["verdict"]
    if verdict is None or verdict["winner"]["configuration"] == RECIPE:
        return []
    headings = headings_of(values["dimensions"])
    chosen = verdict["winner"]["values"]
    return [(headings.get(key, key), value_words(each)) for key, each in chosen.items()]
