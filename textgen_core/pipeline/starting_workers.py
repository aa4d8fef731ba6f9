"""A worker begins its part of a run: a new one, one to resume, or one that was started before.

A scheduler starts a worker again by the same command, so a run whose directory is there goes on
where the command means the same run.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import attrs

from textgen_core.config.ineffective import find_ineffective
from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Texts
from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import expand_home, shell_word
from textgen_core.models.devices import prepare_memory
from textgen_core.pipeline.beginning import Trackers
from textgen_core.pipeline.continuing import check_can_begin
from textgen_core.pipeline.further import More
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.resuming import resume_phases
from textgen_core.pipeline.run_texts import find_texts
from textgen_core.pipeline.running import run_phases
from textgen_core.pipeline.starting import advising, check_cache, named, with_absolute_paths
from textgen_core.pipeline.workers import train_with_first, worker_here
from textgen_core.registry import discover
from textgen_core.runs.directory import RunDirectory, check_free, create_run_directory
from textgen_core.runs.door import is_there
from textgen_core.runs.lock import writing
from textgen_core.runs.manifest import load_configuration, settings_to_keep
from textgen_core.training.callbacks import Callback
from textgen_core.training.workers.cluster import Cluster


def start_worker(
    cluster: Cluster,
    configuration: Configuration,
    texts: Texts,
    out: str | Path | None,
    callback: Callback,
) -> Run:
    """Start a run as one of several workers, or go on with it; return it.

    Raises:
        UsageError: no directory is named.
        WorkersError: the workers do not agree, one failed, or one is gone.
    """
    directory = RunDirectory(expand_home(named(cluster, out)))
    check_cache(callback)
    prepare_memory()
    configuration = attrs.evolve(with_absolute_paths(configuration), from_run="")
    worker = worker_here(cluster, configuration)
    if not worker.is_first:
        return Run(directory, train_with_first(worker, configuration, lambda: texts))
    with ExitStack() as stack:
        with worker.preparing():
            before = _configuration_before(directory, configuration)
            if before is None:
                for text in find_ineffective(configuration):
                    callback.on_warning(text)
            stack.enter_context(writing(directory, callback.on_warning))
            stack.enter_context(advising(directory))
        trackers = configuration.trackers
        if before is not None and directory.saved_steps():
            corpus = configuration.corpus
            places = Places(corpus=corpus.files, validation=corpus.validation, test=corpus.test)
            return resume_phases(before, directory, More(), places, callback, trackers, worker)
        return run_phases(before or configuration, texts, directory, callback, trackers, worker)


def resume_worker(
    cluster: Cluster,
    configuration: Configuration,
    directory: RunDirectory,
    more: More,
    places: Places,
    callback: Callback,
    trackers: Trackers,
) -> Run:
    """Resume a run as one of several workers, and return it.

    Raises:
        WorkersError: the workers do not agree, one failed, or one is gone.
    """
    prepare_memory()
    worker = worker_here(cluster, configuration)

    def read() -> Texts:
        return find_texts(directory, configuration, places, "resume")

    if not worker.is_first:
        return Run(directory, train_with_first(worker, configuration, read))
    with ExitStack() as stack:
        with worker.preparing():
            stack.enter_context(writing(directory, callback.on_warning))
            stack.enter_context(advising(directory))
            texts = None
            if not directory.saved_steps():
                check_can_begin(directory, configuration.from_run)
                texts = read()
        if texts is not None:
            configuration = more.added_to(configuration)
            return run_phases(configuration, texts, directory, callback, trackers, worker)
        return resume_phases(configuration, directory, more, places, callback, trackers, worker)


def _configuration_before(
    directory: RunDirectory, configuration: Configuration
) -> Configuration | None:
    """Return the configuration of the run that is there already; None: it is new.

    Raises RunDirectoryError if another run is there, or something else.
    """
    if not is_there(directory.configuration):
        check_free(directory.path)
        create_run_directory(directory.path)
        return None
    before, _ = load_configuration(directory, discover())
    fitted = {
        f"{part}.{key}"
        for rule in configuration.fit
        for part in ("model", "training")
        for key in getattr(rule, part)
    }
    old, new = settings_to_keep(before), settings_to_keep(configuration)
    differ = [
        f"{name} was {old.get(name)}, not {new.get(name)}"
        for name in {**old, **new}
        if old.get(name) != new.get(name) and name not in fitted and not name.startswith("for.")
    ]
    if differ:
        raise RunDirectoryError(
            f"{directory.path} holds a run with other settings: {'; '.join(differ[:4])}.",
            "Allowed: the command that it was started with, or a new directory.",
            f"Go on with it as it is: textgen resume {shell_word(directory.path)}",
        )
    return before
