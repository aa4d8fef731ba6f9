"""Renders a run's records as one HTML page that needs nothing else: no network, no script.

Everything that comes from a file is escaped by the template engine, and what no page can show is
replaced.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import chosen_language, say, shell_word
from textgen_core.report.records import Progress, read_records
from textgen_core.report.sections.corpus import describe_corpus
from textgen_core.report.sections.failures import describe_diagnosis, describe_failures
from textgen_core.report.sections.headline import describe_headline
from textgen_core.report.sections.interpretations import describe_metrics
from textgen_core.report.sections.learning import describe_learning
from textgen_core.report.sections.others import describe_other_texts, describe_ratings
from textgen_core.report.sections.provenance import (
    describe_configuration,
    describe_model,
    describe_provenance,
)
from textgen_core.report.sections.samples import build_mask, describe_time_lapse, describe_written
from textgen_core.report.sections.story import describe_story
from textgen_core.report.sections.surprisal import describe_surprisal
from textgen_core.report.wording import MISSING, showable
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import write_text

# The sections in their order, as the contents name them.
_CONTENTS = (
    ("story", "At a glance"),
    ("diagnosis", "Diagnosis"),
    ("text", "Text"),
    ("learning", "Learning"),
    ("figures", "Figures"),
    ("failures", "Failures"),
    ("metrics", "Metrics"),
    ("corpus", "Corpus"),
    ("model", "Model"),
    ("configuration", "Configuration"),
    ("origin", "Origin"),
)


def write_report(
    run: RunDirectory,
    *,
    excerpts: bool = True,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write report.html into a run's directory, or a page to `out`, and return its path.

    Without `excerpts` the page quotes no words of the corpus: the text that the model wrote stays,
    with what is known to be memorized in it masked. progress: how far the run is, if it still goes
    on; such a page reads itself again. Files may be missing: their sections say so.
    Raises RunDirectoryError if a file is damaged, or the page cannot be written.
    """
    page = render_report(run, excerpts=excerpts, progress=progress)
    path = out or run.report
    try:
        write_text(path, page)
    except RunDirectoryError as error:
        advice = f"Write it elsewhere: textgen report {shell_word(run.path)} --out FILE"
        raise RunDirectoryError(error.problem, advice=advice) from error.__cause__
    return path


def render_report(
    run: RunDirectory, *, excerpts: bool = True, progress: Progress | None = None
) -> str:
    """Return the page of a run."""
    records = read_records(run, progress)
    mask = build_mask(records, excerpts=excerpts)
    headline = describe_headline(records)
    return (
        page_environment()
        .get_template("page.html")
        .render(
            language=chosen_language(),
            title=records.name,
            subtitle=headline["summary"],
            records=records,
            excerpts=excerpts,
            refresh=progress.refresh if progress else None,
            contents=[(section, say(title)) for section, title in _CONTENTS],
            story=describe_story(records, run.path, mask),
            headline=headline,
            written=describe_written(records, mask),
            surprisal=describe_surprisal(records, excerpts=excerpts),
            time_lapse=describe_time_lapse(records, mask),
            learning=describe_learning(records),
            metrics=describe_metrics(records),
            failures=describe_failures(records, excerpts=excerpts, mask=mask),
            diagnosis=describe_diagnosis(records, excerpts=excerpts),
            corpus=describe_corpus(records, excerpts=excerpts),
            model=describe_model(records),
            configuration=describe_configuration(records),
            provenance=describe_provenance(records),
            other_texts=describe_other_texts(records),
            ratings=describe_ratings(records),
        )
    )


@cache
def page_environment() -> jinja2.Environment:
    """Return what pages are rendered with: texts are escaped, and a missing value is a dash."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("textgen_core.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["say"] = say
    return environment


def _finalize(value: Any) -> Any:
    """Return what an expression of a template shows: None as a dash, texts made showable."""
    if value is None:
        return MISSING
    return showable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
