"""Where a model fails: pictures of its loss, its worst lines and loops, and the diagnosis."""

from __future__ import annotations

import re

import attrs

from textgen_core.report.charts.svg import Figure
from textgen_core.report.records import Records, Table
from textgen_core.report.sections.failure_plots import (
    plot_frequencies,
    plot_gap,
    plot_positions,
    plot_repeats_over_length,
    plot_surprisal_over_length,
)
from textgen_core.report.sections.samples import Mask
from textgen_core.report.wording import MISSING, cut, show_count, show_figure

MOST_LINES = 10
MOST_LOOPS = 10
LONGEST_LINE = 300  # characters

_LONGEST_ISSUE = 600
_LONGEST_SETTING = 120
_QUOTATION = re.compile("“[^”]*”")  # a phrase of a sample, which may be memorized


@attrs.frozen(kw_only=True)
class Quotation:
    """A line or a phrase, with a figure before it and a remark after it."""

    figure: str
    text: str
    remark: str


@attrs.frozen(kw_only=True)
class Failures:
    """The section; `wide` figures take a row of their own, `small` ones are side by side."""

    wide: tuple[Figure, ...]
    small: tuple[Figure, ...]
    worst_lines: tuple[Quotation, ...]
    worst_lines_left_out: bool
    loops: tuple[Quotation, ...]


@attrs.frozen(kw_only=True)
class Issue:
    """An issue of the diagnosis, the evidence, a suggestion, and the setting for that, or ""."""

    issue: str
    evidence: str
    suggestion: str
    setting: str


def describe_failures(records: Records, *, excerpts: bool, mask: Mask) -> Failures | None:
    """Return where the model fails, or None if that was not analysed.

    Without `excerpts` the lines that were predicted worst are left out: they are the corpus' own.
    """
    errors = records.evaluation.table("errors") if records.evaluation else None
    if records.evaluation is None or errors is None or not errors.values:
        return None
    mean = records.evaluation.number("loss")
    wide = (plot_frequencies(errors, mean), plot_positions(errors, mean), plot_gap(errors))
    small = (plot_surprisal_over_length(errors), plot_repeats_over_length(errors))
    lines = _worst_lines(errors)
    return Failures(
        wide=tuple(figure for figure in wide if figure),
        small=tuple(figure for figure in small if figure),
        worst_lines=lines if excerpts else (),
        worst_lines_left_out=bool(lines) and not excerpts,
        loops=_loops(errors, mask),
    )


def describe_diagnosis(records: Records, *, excerpts: bool) -> tuple[Issue, ...] | None:
    """Return the diagnosis, or None if the run was not scored; without `excerpts` unquoted."""
    if records.evaluation is None:
        return None
    return tuple(
        Issue(
            issue=cut(table.text("trouble") or MISSING, _LONGEST_ISSUE),
            evidence=cut(_evidence(table, excerpts), _LONGEST_ISSUE),
            suggestion=cut(table.text("advice") or MISSING, _LONGEST_ISSUE),
            setting=cut(table.text("setting") or "", _LONGEST_SETTING),
        )
        for table in records.evaluation.tables("diagnosis")
    )


def _evidence(table: Table, excerpts: bool) -> str:
    evidence = table.text("evidence") or MISSING
    return evidence if excerpts else _QUOTATION.sub("“…”", evidence)


def _worst_lines(errors: Table) -> tuple[Quotation, ...]:
    return tuple(
        Quotation(
            figure=show_figure(row.number("bits_per_byte"), 2),
            text=cut((row.text("text") or "").strip(), LONGEST_LINE),
            remark=f"{show_count(row.number('tokens'))} tokens",
        )
        for row in errors.tables("worst_lines")[:MOST_LINES]
    )


def _loops(errors: Table, mask: Mask) -> tuple[Quotation, ...]:
    return tuple(
        Quotation(
            figure=f"{show_count(row.number('times'))} ×",
            text=cut(mask.hide(row.text("text") or "").strip(), LONGEST_LINE),
            remark=f"sample {show_count(row.number('sample'))}",
        )
        for row in errors.tables("loops")[:MOST_LOOPS]
    )
