"""`textgen report`: write a run's page again."""

from __future__ import annotations

import typer

from textgen_core.cli.options import Json, RunArgument, print_json


def report(run: RunArgument = None, as_json: Json = False) -> None:
    """Write report.html of a run again, from the run's files."""
    from textgen_core.report import write_report
    from textgen_core.run_directory import find_run

    path = write_report(find_run(run))
    if as_json:
        print_json({"report": str(path)})
    else:
        typer.echo(path)
