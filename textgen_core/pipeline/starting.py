"""A run is started in a directory of its own: what `textgen run` and the Python API share.

What trains is imported when a run starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from textgen_core.config.ineffective import find_ineffective
from textgen_core.config.resolve import Configuration
from textgen_core.corpus.reading.course import anywhere
from textgen_core.errors import Interrupted, RunDirectoryError, UsageError
from textgen_core.formatting import expand_home, shell_word
from textgen_core.pipeline.opened_run import Run
from textgen_core.runs.cache import cache_note, usable_cache
from textgen_core.runs.directory import (
    RunDirectory,
    check_free,
    create_default_directory,
    create_run_directory,
    free_path,
)
from textgen_core.runs.door import is_there
from textgen_core.runs.files import FREE_SPACE
from textgen_core.runs.lock import writing
from textgen_core.training.callbacks import Callback

if TYPE_CHECKING:
    from textgen_core.corpus import Texts
    from textgen_core.pipeline.earlier_run import EarlierRun
    from textgen_core.training.workers.cluster import Cluster

_SIGNS = ("TF_CONFIG", "SLURM_STEP_NUM_TASKS")  # of several workers, in the environment


def start(
    configuration: Configuration,
    *,
    texts: Texts | None = None,
    out: str | Path | None = None,
    callback: Callback | None = None,
    earlier: EarlierRun | None = None,
) -> Run:
    """Run the five phases of a configuration in a new run directory.

    `texts` are those of the configuration, where the caller has read them already. `earlier`: the
    run that it begins with. One of several workers does its part of it.
    """
    from textgen_core.corpus import keep_streams, read_texts
    from textgen_core.models.devices import prepare_memory
    from textgen_core.pipeline.running import run_phases

    callback = callback or Callback()
    if cluster := cluster_here():
        from textgen_core.pipeline.planning.auto import for_workers
        from textgen_core.pipeline.starting_workers import start_worker

        configuration = for_workers(configuration)
        if earlier is not None:
            from textgen_core.pipeline.earlier_run import alone

            raise alone()
        texts = read_texts(keep_streams(configuration.corpus)) if texts is None else texts
        return start_worker(cluster, configuration, texts, out, callback)
    path = None if out is None else expand_home(out)
    check_free(path or free_path(configuration.model.name))
    for text in find_ineffective(configuration):
        callback.on_warning(text)
    check_cache(callback)
    texts = read_texts(keep_streams(configuration.corpus)) if texts is None else texts
    prepare_memory()
    if earlier is None and configuration.from_run:  # of a run.toml that is used as a configuration
        began = f"The run of these settings began with {configuration.from_run}, and this one with"
        callback.on_warning(f"{began} random weights. To begin with a run: --from RUN")
        configuration = attrs.evolve(configuration, from_run="")
    configuration = with_absolute_paths(configuration)
    with _new_directory(path, configuration, callback) as directory, advising(directory):
        trackers = configuration.trackers
        given = (configuration, texts, directory, callback, trackers)
        return run_phases(*given, earlier=earlier)


def cluster_here() -> Cluster | None:
    """Return which of several workers this process is; None: it trains alone.

    Raises UsageError if the environment cannot be understood.
    """
    if not any(map(os.environ.get, _SIGNS)):
        return None
    from textgen_core.training.workers.cluster import cluster_from

    return cluster_from(os.environ)


def named(cluster: Cluster, out: str | Path | None) -> str | Path:
    """Return the directory that a worker was told; raises UsageError if it was told none."""
    if out is None:
        raise UsageError(
            f"This is one of {cluster.size} workers, and no directory of the run is named.",
            "Allowed: one that all of them name, so that a worker that starts again finds the run.",
            "Name it: --out DIR",
        )
    return out


def with_absolute_paths(configuration: Configuration) -> Configuration:
    """Return the configuration with every corpus path made absolute, so that it holds anywhere."""
    corpus = configuration.corpus
    files = tuple(each if each == "-" else anywhere(each) for each in corpus.files)
    validation = corpus.validation and Path(anywhere(corpus.validation))
    test = corpus.test and Path(anywhere(corpus.test))
    corpus = attrs.evolve(corpus, files=files, validation=validation, test=test)
    return attrs.evolve(configuration, corpus=corpus)


def check_cache(callback: Callback) -> None:
    """Find a folder for token files before anything is computed."""
    usable_cache()
    if note := cache_note():
        callback.on_warning(note)


@contextmanager
def _new_directory(
    path: Path | None, configuration: Configuration, callback: Callback
) -> Iterator[RunDirectory]:
    """Make a new run's directory and hold its lock; it goes again if nothing is left in it."""
    existed = path is not None and path.is_dir()
    if path is None:
        directory = create_default_directory(configuration.model.name)
    else:
        directory = create_run_directory(path)
    try:
        with writing(directory, callback.on_warning):
            check_free(directory.path)  # another run may have begun, or ended, there meanwhile
            yield directory
    finally:
        if not existed:
            with suppress(OSError):  # what lies there is not ours to remove
                directory.path.rmdir()


@contextmanager
def advising(directory: RunDirectory) -> Iterator[None]:
    """Turn a Ctrl-C outside of training, or a full disk, into advice how to resume."""
    try:
        yield
    except RunDirectoryError as error:
        if error.advice != FREE_SPACE or not is_there(directory.configuration):
            raise
        advice = f"Free some space, then resume: textgen resume {shell_word(directory.path)}"
        raise RunDirectoryError(error.problem, error.allowed, advice) from error.__cause__
    except KeyboardInterrupt as error:
        saved = directory.saved_steps()
        newest = f"Stopped; the newest checkpoint is that of step {saved[-1]}." if saved else ""
        can_resume = is_there(directory.configuration)
        advice = f"Go on: textgen resume {shell_word(directory.path)}" if can_resume else ""
        problem = newest or "Stopped before the first checkpoint."
        raise Interrupted(problem, advice=advice) from error
