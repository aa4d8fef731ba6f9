"""The report of a run: one HTML file that can be read anywhere, for as long as there are browsers.

Reads nothing but the run directory, so that a report can be written again without the corpus, the
plugins or TensorFlow.
"""

from __future__ import annotations

from pathlib import Path

from textgen_core.report.page import render_page
from textgen_core.report.records import read_records
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import write_text

__all__ = ["write_report"]


def write_report(run: RunDirectory, *, excerpts: bool = True) -> Path:
    """Write report.html into a run's directory and return its path.

    Without `excerpts` the page quotes no words of the corpus. Files may be missing: their sections
    say so. Raises RunDirectoryError if a file is damaged, or the page cannot be written.
    """
    page = render_page(read_records(run), excerpts=excerpts)
    write_text(run.report, page)
    return run.report
