"""Where a model fails: pictures of its loss, what it predicts worst, and the loops it falls into.

Takes the records of a run and returns what the page shows; knows nothing about HTML.
"""

from __future__ import annotations

import attrs

from textgen_core.report.fields import Table
from textgen_core.report.records import Records
from textgen_core.report.sections.failure_plots import (
    Plot,
    plot_frequencies,
    plot_gap,
    plot_positions,
    plot_repeats_over_length,
    plot_surprise_over_length,
)
from textgen_core.report.sections.masking import Mask
from textgen_core.report.wording import cut, show_count, show_figure

MOST_LINES = 10
MOST_LOOPS = 10
LONGEST_LINE = 300  # characters


@attrs.frozen(kw_only=True)
class Line:
    """A line of the held-out text and what it costs."""

    bits_per_byte: str
    tokens: str
    text: str


@attrs.frozen(kw_only=True)
class Loop:
    """A phrase that a sample repeated at once; `sample` is its number."""

    times: str
    text: str
    sample: str


@attrs.frozen(kw_only=True)
class Failures:
    """The section; `wide` plots take a row of their own, `small` ones stand side by side."""

    wide: tuple[Plot, ...]
    small: tuple[Plot, ...]
    worst_lines: tuple[Line, ...]
    worst_lines_left_out: bool
    loops: tuple[Loop, ...]


def describe_failures(records: Records, *, excerpts: bool, mask: Mask) -> Failures | None:
    """Return where the model fails, or None if that was not analysed.

    Without `excerpts` the lines that were predicted worst are left out: they are the corpus' own.
    """
    errors = records.evaluation.table("errors") if records.evaluation else None
    if records.evaluation is None or errors is None or not errors.values:
        return None
    mean = records.evaluation.number("loss")
    wide = (plot_frequencies(errors, mean), plot_positions(errors, mean), plot_gap(errors))
    small = (plot_surprise_over_length(errors), plot_repeats_over_length(errors))
    lines = _worst_lines(errors)
    return Failures(
        wide=tuple(plot for plot in wide if plot),
        small=tuple(plot for plot in small if plot),
        worst_lines=lines if excerpts else (),
        worst_lines_left_out=bool(lines) and not excerpts,
        loops=_loops(errors, mask),
    )


def _worst_lines(errors: Table) -> tuple[Line, ...]:
    return tuple(
        Line(
            bits_per_byte=show_figure(row.number("bits_per_byte"), 2),
            tokens=show_count(row.number("tokens")),
            text=cut((row.text("text") or "").strip(), LONGEST_LINE),
        )
        for row in errors.tables("worst_lines")[:MOST_LINES]
    )


def _loops(errors: Table, mask: Mask) -> tuple[Loop, ...]:
    return tuple(
        Loop(
            times=show_count(row.number("times")),
            text=cut(mask.hide(row.text("text") or "").strip(), LONGEST_LINE),
            sample=show_count(row.number("sample")),
        )
        for row in errors.tables("loops")[:MOST_LOOPS]
    )
