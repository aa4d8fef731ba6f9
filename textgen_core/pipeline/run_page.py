"""A run as a part of a notebook's page: while it proceeds, and what it came to.

HTML without a script, in the colours of the page around it: of a light notebook as of a dark one.
Texts of files are escaped, and what is damaged or missing is left out.
"""

from __future__ import annotations

import html
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs

from textgen_core.errors import RunDirectoryError
from textgen_core.evaluation.verdict import read_verdict
from textgen_core.formatting import format_duration, printable, say, say_word, shell_word
from textgen_core.formatting.html import as_html, text_block
from textgen_core.pipeline.ipython import cell_number
from textgen_core.report.charts.curves import Chart, Series, draw_chart
from textgen_core.report.charts.scales import Points, scale_for
from textgen_core.report.charts.svg import Picture
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_json, read_rows
from textgen_core.runs.listing import RunSummary, summarise

_FRACTIONS = 100  # of a bar: a percent each
_NUMBERS = count(1)  # of the pictures of this process: ids of one page are unique
_BASELINES = {"ngram": "counting n-grams", "xz": "xz"}
_STYLE = """<style>
.textgen{font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
max-width:52rem;color:inherit;padding:.4em 0;--first:#2f7fc1;--second:#d0661a}
.textgen p{margin:.3em 0}.textgen h4{margin:0 0 .3em;font-size:1.05em;font-weight:600;color:inherit;
overflow-wrap:anywhere}
.textgen .quiet{opacity:.72;font-size:.92em}
.textgen .phases span{margin-right:1.1em;white-space:nowrap;opacity:.5}
.textgen .phases .past{opacity:.85}.textgen .phases .now{opacity:1;font-weight:600}
.textgen .track{height:8px;border-radius:4px;background:#8884;overflow:hidden;margin:.5em 0 .3em}
.textgen .track div{height:100%;background:var(--first)}
.textgen dl{display:flex;flex-wrap:wrap;gap:.3em 2em;margin:.6em 0}
.textgen dl div{display:flex;flex-direction:column-reverse;justify-content:flex-end}
.textgen dt{opacity:.72;font-size:.86em;font-weight:400}
.textgen dd{margin:0;font-size:1.15em;font-variant-numeric:tabular-nums}
.textgen .verdict{font-size:1.1em;line-height:1.45;max-width:46rem}
.textgen pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.86em;line-height:1.4;
margin:.3em 0;padding:0;background:none;color:inherit}
.textgen details{margin:.2em 0}.textgen summary{cursor:pointer}
.textgen svg{display:block;box-sizing:content-box;width:calc(100% - 80px);
padding:26px 18px 46px 56px;overflow:visible;max-width:none;height:auto}
.textgen svg svg{padding:0;width:100%;overflow:visible}
.textgen svg text{fill:currentColor;font-size:12px}
.textgen svg .middle{text-anchor:middle}.textgen svg .end{text-anchor:end}
.textgen svg .tick,.textgen svg .unit{opacity:.72}
.textgen svg .grid{stroke:currentColor;opacity:.15}
.textgen svg .axis{stroke:currentColor;opacity:.5}
.textgen svg .curve{fill:none;stroke-width:2;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.textgen svg .training{stroke:var(--first)}.textgen svg .validation{stroke:var(--second)}
.textgen svg .dot.training{fill:var(--first)}.textgen svg .dot.validation{fill:var(--second)}
.textgen .key{display:inline-block;width:1.6em;height:0;border-top:3px solid;margin:0 .4em .25em 0}
</style>"""


@attrs.define(kw_only=True)
class Progress:
    """How far a run has come.

    phases: their names in order; phase: the number of the one that is under way, 0 before the
    first. share: of what the bar measures, None where there is none; doing: what that is. figures:
    name and value. training, validation: steps and losses. sample: prompt and text. found: the
    lines of each phase.
    """

    name: str = ""
    phases: Sequence[str] = ()
    phase: int = 0
    share: float | None = None
    doing: str = ""
    left: float | None = None
    figures: Mapping[str, str] = attrs.field(factory=dict)
    training: list[tuple[float, float]] = attrs.field(factory=list)
    validation: list[tuple[float, float]] = attrs.field(factory=list)
    sample: tuple[str, str] | None = None
    found: dict[int, list[str]] = attrs.field(factory=dict)
    warnings: list[str] = attrs.field(factory=list)


def progress_page(progress: Progress, ended: str = "") -> str:
    """Return how far a run has come; `ended` says why it goes no further."""
    parts = [f"<h4>{as_html(progress.name)}</h4>" if progress.name else "", _phases(progress)]
    parts.append(f"<p><b>{as_html(ended)}</b></p>" if ended else _bar(progress))
    parts += [figure_list(progress.figures), curves(progress.training, progress.validation)]
    if progress.sample is not None:
        prompt, text = progress.sample
        parts.append(_quiet(say("The newest sample")) + text_block(text, prompt))
    return page([*parts, *_warnings(progress.warnings)])


def progress_line(progress: Progress) -> str:
    """Return the same in a line, for where there is no HTML."""
    shown = [progress.phases[progress.phase - 1]] if progress.phase else []
    if progress.share is not None:
        shown.append(f"{100 * progress.share:.0f} % {progress.doing}".rstrip())
    shown += [f"{name} {value}" for name, value in progress.figures.items()]
    return printable("  ".join(shown), keep="")


def page_unless_shown(run: RunDirectory, cell: int | None) -> str | None:
    """Return what a run came to, or None in the cell that shows it already, by its number."""
    return None if cell is not None and cell == cell_number() else summary_page(run)


def summary_page(run: RunDirectory, progress: Progress | None = None) -> str:
    """Return what a run came to: verdict, figures, curves, a sample.

    progress: what was found on the way, if that is to be kept.
    """
    summary, evaluation = summarise(run.path), {}
    training: Points = []
    validation: Points = []
    sample: Mapping[str, Any] = {}
    with suppress(RunDirectoryError):
        training, validation = read_losses(run)
    with suppress(RunDirectoryError, IndexError):
        sample = deque(read_rows(run.samples), maxlen=1)[0]
    with suppress(RunDirectoryError):
        evaluation = read_json(run.evaluation)
    evaluation = evaluation if isinstance(evaluation, dict) else {}
    parts = [f"<h4>{as_html(summary.name)}</h4>", _verdict(run, evaluation)]
    parts += [figure_list(_figures(summary, evaluation, run)), curves(training, validation)]
    if text := sample.get("text"):
        parts.append(_quiet(say("A sample")) + text_block(str(text), str(sample.get("prompt", ""))))
    if progress is not None:
        parts += [*_warnings(progress.warnings), *_found(progress)]
    return page([*parts, _quiet(say("Files: {folder}", folder=str(run.path))), _report_link(run)])


def read_losses(run: RunDirectory) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return steps and losses of a run's log: of training, and of validation."""
    found: dict[str, list[tuple[float, float]]] = {"loss": [], "validation_loss": []}
    for row in read_rows(run.metrics):
        for key, points in found.items():
            add_point(points, row, key)
    return found["loss"], found["validation_loss"]


def add_point(points: list[tuple[float, float]], row: Mapping[str, Any], key: str) -> None:
    """Add the step and a figure of a row to the points of a curve, if it has one to draw."""
    step, value = row.get("step"), row.get(key)
    if isinstance(step, int) and isinstance(value, int | float) and math.isfinite(value):
        points.append((float(step), float(value)))


def page(parts: Iterable[str]) -> str:
    """Return parts as one, with their style."""
    return f'{_STYLE}<div class="textgen">{"".join(parts)}</div>'


def figure_list(figures: Mapping[str, str]) -> str:
    """Return figures beside each other, each over its name."""
    shown = (
        f"<div><dt>{as_html(name)}</dt><dd>{as_html(value)}</dd></div>"
        for name, value in figures.items()
    )
    return f"<dl>{''.join(shown)}</dl>" if figures else ""


def curves(training: Points, validation: Points) -> str:
    """Return the losses over the steps as a picture, or nothing where there are none."""
    every = [
        Series(kind="training", points=training, name=say("training loss")),
        Series(kind="validation", points=validation, name=say("validation loss"), dots=True),
    ]
    series = [each for each in every if each.points]
    if not series:
        return ""
    points = [point for each in series for point in each.points]
    chart = Chart(
        picture=Picture(name=f"textgen-{next(_NUMBERS)}", title=say("The losses over the steps")),
        x=scale_for([step for step, _ in points], from_zero=True, rounded=False),
        y=scale_for([loss for _, loss in points]),
        x_label=say("step"),
        y_label=say("nats per token"),
        series=series,
        height=190,
    )
    keys = "".join(
        f'<span class="key" style="border-color:var(--{colour})"></span>'
        f'<span class="quiet">{as_html(each.name)} &nbsp; </span>'
        for each, colour in zip(every, ("first", "second"), strict=True)
        if each.points
    )
    return f"<p>{keys}</p>{draw_chart(chart)}"


def _phases(progress: Progress) -> str:
    shown = ""
    for number, name in enumerate(progress.phases, start=1):
        kind = "now" if number == progress.phase else "past" if number < progress.phase else ""
        shown += f'<span class="{kind}">{number} {as_html(name)}</span>'
    return f'<p class="phases">{shown}</p>'


def _bar(progress: Progress) -> str:
    """Return the bar, and under it what is going on and how long it will take."""
    track, share = "", progress.share
    said = [progress.doing] if progress.doing else []
    if share is not None:
        percent = round(_FRACTIONS * min(1.0, max(0.0, share)))
        track = f'<div class="track"><div style="width:{percent}%"></div></div>'
        said.append(f"{percent} %")
    if progress.left is not None:
        said.append(say("{time} left", time=format_duration(progress.left)))
    return track + (_quiet(" · ".join(said)) if said else "")


def _quiet(text: str) -> str:
    return f'<p class="quiet">{as_html(text)}</p>'


def _warnings(warnings: Sequence[str]) -> list[str]:
    return [_quiet(say("Note: {text}", text=each)) for each in warnings]


def _found(progress: Progress) -> list[str]:
    return [
        f"<details><summary>{number} {as_html(progress.phases[number - 1])}</summary>"
        f"<pre>{as_html(chr(10).join(lines))}</pre></details>"
        for number, lines in sorted(progress.found.items())
        if lines and 0 < number <= len(progress.phases)
    ]


def _report_link(run: RunDirectory) -> str:
    """Return a link to the report, if it lies below the notebook, from where a browser follows it.

    Pages of a server may not lead to other files of the machine.
    """
    if not is_there(run.report):
        return ""
    try:
        path = run.report.absolute().relative_to(Path.cwd())
    except ValueError:
        return ""
    target, words = quote(path.as_posix()), say("The whole report")
    return f'<p><a href="{target}" target="_blank">{as_html(words)}</a></p>'


def _verdict(run: RunDirectory, evaluation: Mapping[str, Any]) -> str:
    verdict = read_verdict(evaluation)
    if verdict is None:
        return ""
    told, *more = verdict.sentences(shell_word(run.path))
    return f'<p class="verdict">{as_html(told)}</p>' + "".join(
        f"<p>{html.escape(printable(each))}</p>" for each in more
    )


def _figures(
    summary: RunSummary, evaluation: Mapping[str, Any], run: RunDirectory
) -> dict[str, str]:
    """Return the figures of a finished run, by their names."""
    figures: dict[str, str] = {}
    if summary.bits_per_byte is not None:
        figures[say("bits per byte on {split}", split=say_word(summary.split))] = (
            f"{summary.bits_per_byte:.3f}"
        )
    baselines = evaluation.get("baselines")
    for name, shown in _BASELINES.items():
        measured = baselines.get(name) if isinstance(baselines, dict) else None
        bits = measured.get("bits_per_byte") if isinstance(measured, dict) else None
        if isinstance(bits, int | float):
            figures[say("{name}, to beat", name=say(shown))] = f"{bits:.3f}"
    if summary.step is not None:
        figures[say("best step")] = f"{summary.step:,}"
    if summary.parameters is not None:
        figures[say("parameters")] = f"{summary.parameters:,}"
    seconds = 0.0
    with suppress(RunDirectoryError):
        for row in read_rows(run.metrics):
            value = row.get("seconds")
            seconds = max(seconds, value) if isinstance(value, int | float) else seconds
    if seconds:
        figures[say("training")] = format_duration(seconds)
    return figures
