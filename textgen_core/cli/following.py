"""How a command shows the run that it trains; of several workers the first one does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from textgen_core.cli.output import outliving_reader, print_json, show_line
from textgen_core.cli.workers import errors_of, option_of
from textgen_core.formatting import shell_word

if TYPE_CHECKING:
    from textgen_core.pipeline.opened_run import Run
    from textgen_core.training.workers.cluster import Cluster


def follow(
    start: Callable[..., Run],
    cluster: Cluster | None,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Do the part of a run that is this process's, and show the run unless another worker does.

    cluster: which of several workers this is; None: it trains alone.
    """
    with errors_of(cluster):
        if cluster is None or cluster.is_first:
            further = option_of(cluster)
            _show(start, further, as_json=as_json, quiet=quiet, verbose=verbose)
        else:
            start()


def _show(
    start: Callable[..., Run], further: str, *, as_json: bool, quiet: bool, verbose: bool
) -> None:
    """Show a run while it proceeds, and in the end the commands that follow, or the JSON value.

    further: options of the command that trains it further.
    """
    from textgen_core.cli.terminal import TerminalCallback
    from textgen_core.runs.door import is_there
    from textgen_core.runs.files import read_json, read_rows

    callback = TerminalCallback(results=not as_json, quiet=quiet, verbose=verbose)
    with outliving_reader(), closing(callback):
        run = start(callback=callback)
    callback.show_verdict()
    if not as_json:
        show_line(f"Read the report:   {run.directory}/report.html")
        show_line(f"Write more:        textgen generate {shell_word(run.directory)}")
        resume = f"textgen resume {shell_word(run.directory)} --minutes 3{further}"
        show_line(f"Train it further:  {resume}")
        return
    evaluation = run.directory / "evaluation.json"
    texts = [row["text"] for row in read_rows(run.directory / "samples.jsonl")]
    print_json(
        {
            "run": str(run.directory),
            "step": run.step,
            "samples": texts[-run.configuration.generation.samples :],
            "evaluation": read_json(evaluation) if is_there(evaluation) else None,
            "report": str(run.directory / "report.html"),
            "warnings": callback.warnings,
        }
    )
