"""How a command shows what takes long: the run that it trains, or whatever it does to runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from textgen_core.cli.output import outliving_reader, print_json, show_line
from textgen_core.cli.workers import errors_of, option_of
from textgen_core.formatting import shell_word

if TYPE_CHECKING:
    from textgen_core.pipeline.opened_run import Run
    from textgen_core.training.callbacks import Callback
    from textgen_core.training.workers.cluster import Cluster

Found = TypeVar("Found")


def watch(do: Callable[[Callback], Found], *, quiet: bool) -> Found:
    """Do something and return what it came to; what is under way is shown on stderr."""
    from textgen_core.cli.terminal import TerminalCallback

    callback = TerminalCallback(results=False, quiet=quiet)
    with outliving_reader(), closing(callback):
        return do(callback)


def follow(
    start: Callable[..., Run],
    cluster: Cluster | None,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Do the part of a run that is this process's, and show it; of several workers the first does.

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
