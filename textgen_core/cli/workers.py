"""The options of `run` and `resume` for several workers, and what a worker's command does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen_core.cli.output import note
from textgen_core.config.settings import CLOCKS
from textgen_core.errors import Interrupted, TextgenError, UsageError, WorkerLost, WorkersError

if TYPE_CHECKING:
    from textgen_core.config.resolve import Configuration
    from textgen_core.pipeline.supervising import Workers
    from textgen_core.runs.directory import RunDirectory
    from textgen_core.training.workers.cluster import Cluster

SIGNS = {"TF_CONFIG", "SLURM_STEP_NUM_TASKS"}  # of several workers: see `cluster_here`
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Train with N processes on this machine, one for each GPU if it has some.",
        show_default=False,
    ),
]
RestartsOption = Annotated[
    int | None,
    typer.Option(
        "--restarts",
        min=0,
        metavar="R",
        help="How often workers start again, from the newest checkpoint, if one dies; default: 3.",
        show_default=False,
    ),
]


def chosen_workers(count: int | None, restarts: int | None) -> Workers | None:
    """Return the workers that the options ask for; None: this process trains.

    Raises UsageError if only restarts are asked for.
    """
    if count is None or count == 1:
        if restarts is not None:
            raise UsageError("--restarts is given without workers.", "Allowed: with --workers N.")
        return None
    from textgen_core.pipeline.supervising import RESTARTS, Workers

    return Workers(count=count, restarts=RESTARTS if restarts is None else restarts)


def shown_options(*, as_json: bool, quiet: bool, verbose: bool) -> list[str]:
    """Return the options that say what the first worker shows."""
    flags = {"--json": as_json, "--quiet": quiet, "--verbose": verbose}
    return [flag for flag, given in flags.items() if given]


def run_workers(
    configuration: Configuration, workers: Workers, out: Path | None, options: Sequence[str]
) -> None:
    """Train a new run with several workers, of which the first shows it."""
    from textgen_core.pipeline.supervising import supervise_run

    with _terminal_restored():
        _, code = supervise_run(configuration, workers, out=out, options=options, say=_say)
    end_with(code)


def resume_workers(
    run: RunDirectory,
    configuration: Configuration,
    workers: Workers,
    options: Sequence[str],
    **given: Sequence[object] | None,
) -> None:
    """Resume a run with several workers; given: the values of other options of `resume`."""
    from textgen_core.pipeline.supervising import supervise_resume

    values = {
        f"--{name}": [str(each) for each in found if each is not None]
        for name, found in given.items()
        if found is not None
    }
    clocks = [f"--{clock}" for clock in CLOCKS]
    more = [f"{name}={each}" for name in clocks for each in values.pop(name, ())]
    batch_size = configuration.training.batch_size
    with _terminal_restored():
        code = supervise_resume(
            run, workers, batch_size=batch_size, given=values, more=more, options=options, say=_say
        )
    end_with(code)


def _say(text: str) -> None:
    """Say what happened to workers, below the bar that a killed one may have left."""
    from textgen_core.cli.console import stderr

    if stderr().is_terminal:
        note("")
    note(text)


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """Show the cursor after the block, which a killed worker may have hidden for its bar."""
    from textgen_core.cli.console import stderr

    try:
        yield
    finally:
        stderr().show_cursor(True)


def end_with(code: int) -> None:
    """End the command as its workers did, who have said why."""
    if code == Interrupted.exit_code:
        raise Interrupted("")
    if code:
        raise typer.Exit(code)


def this_worker(out: Path | None) -> Cluster | None:
    """Return which of several workers this command is; None: it is alone.

    out: the directory of the run, as far as it is named. Raises UsageError if it is not, or if the
    environment cannot be understood.
    """
    if not SIGNS & os.environ.keys():
        return None
    from textgen_core.pipeline.starting import cluster_here, named

    if cluster := cluster_here():
        named(cluster, out)
        from textgen_core.training.workers.supervised import end_with_supervisor

        end_with_supervisor(os.environ)
    return cluster


def option_of(cluster: Cluster | None) -> str:
    """Return the option that starts as many workers again, where `--workers` started this one."""
    if cluster is None:
        return ""
    from textgen_core.training.workers.supervisor import SUPERVISED

    return f" --workers {cluster.size}" if SUPERVISED in os.environ else ""


@contextmanager
def errors_of(cluster: Cluster | None) -> Iterator[None]:
    """Name the worker in an error of the block, and how to go on, as its supervisor would say it.

    A supervisor tells itself that workers were lost.
    """
    try:
        yield
    except TextgenError as error:
        if cluster is None:
            raise
        supervised = bool(option_of(cluster))
        if supervised and isinstance(error, WorkerLost):
            raise typer.Exit(error.exit_code) from error
        if isinstance(error, Interrupted) and supervised and error.advice:
            advice = f"{error.advice}{option_of(cluster)}"
            raise Interrupted(error.problem, advice=advice) from error
        if supervised or cluster.is_first or isinstance(error, WorkersError):
            raise
        problem = f"Worker {cluster.rank} of {cluster.size}: {error.problem}"
        raise type(error)(problem, error.allowed, error.advice) from error
