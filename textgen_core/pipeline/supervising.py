"""Workers on this machine: each is the command `textgen`, with its share of cores and GPUs.

A new run is handed to them as a file of its whole configuration, so that the command line and the
Python API start the same workers, however often.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import is_read_once, keep_streams
from textgen_core.errors import Interrupted, TextgenError, UsageError, WorkerLost
from textgen_core.formatting import expand_home, shell_word
from textgen_core.models.cores import THREADS, cores
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.planning.auto import for_workers
from textgen_core.pipeline.starting import cluster_here, with_absolute_paths
from textgen_core.registry import choose_all, discover
from textgen_core.registry.selection import as_list
from textgen_core.runs.directory import RunDirectory, create_default_directory, create_run_directory
from textgen_core.runs.files import write_toml
from textgen_core.runs.manifest import load_configuration
from textgen_core.runs.standing import check_resumable
from textgen_core.training.callbacks import Callback
from textgen_core.training.workers.supervisor import Supervisor, this_program

RESTARTS = 3
_GPUS = "CUDA_VISIBLE_DEVICES"
_DRIVER = Path("/proc/driver/nvidia/gpus")  # has a folder for each GPU


@attrs.frozen(kw_only=True)
class Workers:
    """How many workers train a run on this machine, and how often they start again at most."""

    count: int
    restarts: int = RESTARTS

    def check(self, batch_size: int) -> None:
        """Refuse what cannot be, before anything starts.

        Raises:
            UsageError: a batch has fewer rows, or the machine fewer GPUs; or this process is a
                worker already.
        """
        if cluster := cluster_here():
            raise UsageError(
                f"This process is one of {cluster.size} workers already, by TF_CONFIG or SLURM.",
                "Allowed: either these, or --workers.",
            )
        if batch_size < self.count:
            raise UsageError(
                f"A batch of {batch_size} rows cannot be divided among {self.count} workers.",
                f"Allowed: up to {batch_size} workers, or a larger batch.",
                f"Try --batch-size {self.count}.",
            )
        gpus = _gpus()
        if gpus and len(gpus) < self.count:
            raise UsageError(
                f"There are {self.count} workers, and here are {len(gpus)} GPUs.",
                "Allowed: a GPU for each worker.",
                f"Try --workers {len(gpus)}; or train on the processor: {_GPUS}='' textgen ...",
            )

    def environment(self, rank: int) -> Mapping[str, str]:
        """Return what a worker's environment says of its share of the machine."""
        share = {} if THREADS in os.environ else {THREADS: str(max(1, cores() // self.count))}
        gpus = _gpus()
        return {**share, _GPUS: gpus[rank]} if gpus else share


def supervise_run(
    configuration: Configuration,
    workers: Workers,
    *,
    out: str | Path | None = None,
    options: Sequence[str] = (),
    say: Callable[[str], None],
) -> tuple[RunDirectory, int]:
    """Train a new run with several workers; return it with the exit code that they end with.

    options: what each command gets beside the run, such as `--quiet`. say: is told what happens.
    Raises UsageError as `Workers.check`, WorkerLost where they were lost too often, and
    RunDirectoryError if the directory is not free.
    """
    workers.check(configuration.training.batch_size)
    configuration = for_workers(configuration)
    corpus = keep_streams(configuration.corpus)  # of which only the first would get anything
    configuration = with_absolute_paths(attrs.evolve(configuration, corpus=corpus))
    if out is None:
        run = create_default_directory(configuration.model.name)
    else:
        run = create_run_directory(expand_home(out))
    try:
        with _as_file(configuration) as file:
            command = this_program("run", f"--config={file}", f"--out={run.path}", *options)
            return run, _supervise(lambda: command, run, workers, say)
    finally:
        with suppress(OSError):  # unless something is in it
            run.path.rmdir()


def supervise_resume(
    run: RunDirectory,
    workers: Workers,
    *,
    batch_size: int,
    given: Mapping[str, Sequence[str]],
    more: Sequence[str],
    options: Sequence[str] = (),
    say: Callable[[str], None],
) -> int:
    """Resume a run with several workers; return the exit code that they end with.

    given: options that say where texts are and what follows the run, with their values. more: the
    option that says how much further to train, left out once the run has come further.

    Raises as `supervise_run`.
    """
    workers.check(batch_size)
    if any(is_read_once(path) for paths in given.values() for path in paths):
        raise UsageError(
            "A text that can be read only once cannot be read by several workers.",
            "Allowed: the path of a file.",
        )
    named = [f"{option}={path}" for option, paths in given.items() for path in paths]
    before = run.saved_steps()[-1:]

    def command() -> list[str]:
        further = more if run.saved_steps()[-1:] == before else ()
        return this_program("resume", *further, *named, *options, "--", str(run.path))

    return _supervise(command, run, workers, say)


def run_with_workers(
    configuration: Configuration,
    count: int,
    restarts: int | None,
    out: str | Path | None,
    callback: Callback | None,
) -> Run:
    """Train a new run with several workers for the Python API, and return it.

    Raises UsageError for what workers cannot do, and as `supervise_run`; Interrupted where the user
    stopped it, and TextgenError where it failed, as the first worker has said.
    """
    workers = _workers_asked_for(count, restarts, callback)
    run, code = supervise_run(configuration, workers, out=out, say=_warn)
    return _as_ended(run, workers, code)


def resume_with_workers(
    run: RunDirectory,
    count: int,
    restarts: int | None,
    *,
    more: Mapping[str, float | None],
    places: Places,
    tracker: Any,
    callback: Callback | None,
) -> Run:
    """Resume a run with several workers for the Python API, and return it.

    more: by clock, how much further to train; None: as it was planned. Raises as
    `run_with_workers`, and RunDirectoryError if the run is damaged.
    """
    workers = _workers_asked_for(count, restarts, callback)
    check_resumable(run)
    registry = discover()
    configuration, _ = load_configuration(run, registry)
    trackers = choose_all(registry, "tracker", [(each, "tracker=") for each in as_list(tracker)])
    given = {
        "--corpus": [str(file) for file in places.corpus],
        "--validation": [str(places.validation)] if places.validation else [],
        "--test": [str(places.test)] if places.test else [],
        "--tracker": [each.label for each in trackers],
    }
    code = supervise_resume(
        run,
        workers,
        batch_size=configuration.training.batch_size,
        given=given,
        more=[f"--{clock}={asked}" for clock, asked in more.items() if asked is not None],
        say=_warn,
    )
    return _as_ended(run, workers, code)


def _workers_asked_for(count: int, restarts: int | None, callback: Callback | None) -> Workers:
    if count < 1 or (restarts is not None and restarts < 0):
        problem = f"workers={count} and restarts={restarts} are not possible."
        raise UsageError(problem, "Allowed: workers from 1, restarts from 0.")
    if callback is not None:
        raise UsageError(
            "A callback cannot follow workers, which are processes of their own.",
            "Allowed: workers without callback; metrics.jsonl in the run's directory grows.",
        )
    return Workers(count=count, restarts=RESTARTS if restarts is None else restarts)


def _warn(text: str) -> None:
    """Tell the caller of the Python API what happened to workers."""
    warnings.warn(text, stacklevel=4)


def _as_ended(run: RunDirectory, workers: Workers, code: int) -> Run:
    """Return a run as its workers have left it, or raise as they ended."""
    if code == Interrupted.exit_code:
        advice = f"Go on: textgen resume {shell_word(run.path)} --workers {workers.count}"
        raise Interrupted("The workers were stopped, and a checkpoint saved.", advice=advice)
    if code:
        raise TextgenError(f"The workers failed (exit code {code}), as the first one has said.")
    return Run(run, load_configuration(run, discover())[0])


def _supervise(
    command: Callable[[], Sequence[str]],
    run: RunDirectory,
    workers: Workers,
    say: Callable[[str], None],
) -> int:
    supervisor = Supervisor(
        command,
        workers.count,
        restarts=workers.restarts,
        say=say,
        environment=workers.environment,
    )
    try:
        return supervisor.run()
    except WorkerLost as error:
        again = f"Go on: textgen resume {shell_word(run.path)} --workers {workers.count}"
        raise WorkerLost(error.problem, advice=again) from error


@contextmanager
def _as_file(configuration: Configuration) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="textgen-run-") as folder:
        file = Path(folder) / "run.toml"
        write_toml(file, configuration.as_table())
        yield file


def _gpus() -> list[str]:
    """Return the GPUs that may be used, as CUDA names them, without asking CUDA."""
    if (visible := os.environ.get(_GPUS)) is not None:
        return [each for each in visible.split(",") if each.strip() not in ("", "-1")]
    return [str(number) for number, _ in enumerate(_DRIVER.glob("*"))]
