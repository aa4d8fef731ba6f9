"""`textgen report`: write a run's page again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textgen_core.cli.options import Json, RunArgument, check_place, find_directory
from textgen_core.cli.output import print_json, show_text
from textgen_core.formatting import expand_home

NoExcerpts = Annotated[
    bool, typer.Option("--no-excerpts", help="Quote no words of the corpus, for a page to pass on.")
]


def report(
    run: RunArgument = None,
    no_excerpts: NoExcerpts = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=expand_home,
            help="The page to write; default: report.html of the run.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write report.html of a run again, from the run's files."""
    from textgen_core.report import write_report

    if out is not None:
        check_place(out, "The report")
    path = write_report(find_directory(run), excerpts=not no_excerpts, out=out)
    if as_json:
        print_json({"report": str(path)})
    else:
        show_text(str(path), end="\n")
