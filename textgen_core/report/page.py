"""Renders a run's records as one HTML page that needs nothing else: no network, no script.

Everything that comes from a file is escaped by the template engine, and what no page can show is
replaced. This module knows nothing about where the page is written.
"""

from __future__ import annotations

from typing import Any

import jinja2
from markupsafe import Markup

from textgen_core.evaluation.diagnosis import Finding
from textgen_core.report.fields import Table
from textgen_core.report.headline import describe_headline
from textgen_core.report.learning import describe_learning
from textgen_core.report.making import (
    describe_configuration,
    describe_model,
    describe_provenance,
)
from textgen_core.report.readings import describe_metrics
from textgen_core.report.records import Records
from textgen_core.report.samples import describe_time_lapse, describe_written
from textgen_core.report.text_figures import describe_corpus
from textgen_core.report.wording import MISSING, cut, show_figure, showable

_TEMPLATES = "templates"
_LONGEST_FINDING = 600


def render_page(records: Records, *, excerpts: bool) -> str:
    """Return the page; without `excerpts` it quotes no words of the corpus.

    Raises RunDirectoryError if a record is damaged.
    """
    return (
        _environment()
        .get_template("page.html")
        .render(
            name=records.name,
            records=records,
            excerpts=excerpts,
            headline=describe_headline(records),
            written=describe_written(records),
            time_lapse=describe_time_lapse(records),
            learning=describe_learning(records),
            metrics=describe_metrics(records),
            findings=_findings(records),
            corpus=describe_corpus(records, excerpts=excerpts),
            model=describe_model(records),
            configuration=describe_configuration(records),
            provenance=describe_provenance(records),
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("textgen_core.report", _TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = show_figure
    return environment


def _finalize(value: Any) -> Any:
    """Return what an expression of a template shows: None as a dash, texts made showable."""
    if value is None:
        return MISSING
    return showable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _findings(records: Records) -> tuple[Finding, ...] | None:
    """Return the diagnosis, or None if the run was not scored."""
    if records.evaluation is None:
        return None
    return tuple(_finding(each) for each in records.evaluation.tables("diagnosis"))


def _finding(table: Table) -> Finding:
    trouble, evidence, advice = (
        cut(table.text(key) or MISSING, _LONGEST_FINDING)
        for key in ("trouble", "evidence", "advice")
    )
    return Finding(trouble=trouble, evidence=evidence, advice=advice)
