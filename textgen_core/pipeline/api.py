"""The Python API: `run`, `resume`, `open_run`. In a notebook a run is shown while it proceeds.

What trains is imported where a run is trained: to open one, and to write with it, needs none of it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen_core.config.resolve import configure
from textgen_core.formatting import expand_home
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.run_runtime import Computing, RuntimeName
from textgen_core.pipeline.starting import advising, check_cache, cluster_here, start
from textgen_core.registry import KINDS, choose_all, discover
from textgen_core.registry.own_keras import import_keras
from textgen_core.registry.selection import as_list
from textgen_core.runs.directory import RunDirectory, find_run
from textgen_core.runs.lock import writing
from textgen_core.runs.manifest import load_configuration
from textgen_core.training.callbacks import Callback

if TYPE_CHECKING:
    from textgen_core.components import Metric, ModelBuilder, Sampler, TokenizerTrainer, Tracker
    from textgen_core.pipeline.earlier_run import EarlierRun


def run(
    corpus: str | Path | Sequence[str | Path] = (),
    *,
    recipe: str | None = None,
    minutes: float | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    tokenizer: str | Mapping[str, Any] | TokenizerTrainer | None = None,
    model: str | Mapping[str, Any] | ModelBuilder | None = None,
    sampler: str | Mapping[str, Any] | Sampler | Sequence[Any] | None = None,
    metric: str | Mapping[str, Any] | Metric | Sequence[Any] | None = None,
    tracker: str | Mapping[str, Any] | Tracker | Sequence[Any] | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int | None = None,
    split: str | Sequence[float] | None = None,
    validation: str | Path | None = None,
    test: str | Path | None = None,
    prompt: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | Sequence[str] = (),
    out: str | Path | None = None,
    workers: int | None = None,
    restarts: int | None = None,
    from_run: str | os.PathLike[str] | None = None,
    callback: Callback | None = None,
    listener: Callback | None = None,
) -> Run:
    """Train a model on a corpus, write with it, score it, and return the run.

    Of several layers of settings the later wins: defaults, `recipe`, `config`, `settings`, the
    other arguments. A component is a spec such as "lstm:units=512", a dict with "name", or an
    instance.

    Args:
        corpus: a file, a folder, or several of them; none: the built-in corpus.
        recipe: a bundled recipe's name, or the path of one.
        minutes: how long to train; or give `epochs` or `steps`.
        epochs: how often to go through the training text.
        steps: how many steps to train.
        tokenizer: a component.
        model: a component; "auto": the recipe's, of a size that suits text and minutes.
        sampler: a component, or a list of them.
        metric: a component to measure beside the bundled metrics, or a list of them.
        tracker: a component that follows the run, or a list of them.
        batch_size: windows in a batch.
        learning_rate: the highest learning rate.
        seed: of all random numbers.
        split: percentages for training, validation and test, such as "80,10,10".
        validation: a text file to validate on, in place of a part of the corpus.
        test: a text file to score on, in place of a part of the corpus.
        prompt: what the samples of the run follow.
        config: a TOML file of settings.
        settings: values by "section.key", or a list of "section.key=value".
        out: the new run's directory; default: runs/<time>-<model>.
        workers: how many processes of this machine train it; they use components that are
            installed, and the first one shows the run on the process's own output.
        restarts: how often workers start again, from the newest checkpoint, if one dies; 3 where
            it is not given.
        from_run: a run whose tokenizer, model and weights it begins with, as `open_run` takes it.
        callback: its methods are called as the run proceeds; a notebook then shows no progress of
            its own.
        listener: the former name of `callback`.

    Returns:
        The finished run, to write with and to score.

    Raises:
        TextgenError: a setting, a text or a component is wrong, or the run failed.
        Interrupted: the user stopped it; a checkpoint was saved.
    """
    arguments: dict[str, Any] = {"tokenizer": tokenizer, "model": model, "sampler": sampler}
    arguments |= {"metric": metric, "tracker": tracker, "epochs": epochs, "minutes": minutes}
    arguments |= {"steps": steps, "batch_size": batch_size, "learning_rate": learning_rate}
    arguments |= {"split": split, "validation": validation, "test": test, "prompt": prompt}
    arguments["seed"] = seed
    arguments["corpus"] = [str(file) for file in _as_files(corpus)] or None
    earlier = _open_earlier(from_run, workers)
    configuration = (earlier.configure if earlier else configure)(
        arguments,
        discover(),
        recipe=recipe,
        config=None if config is None else expand_home(config),
        settings=settings,
    )

    if workers is not None and workers != 1:
        from textgen_core.pipeline.supervising import run_with_workers

        return run_with_workers(configuration, workers, restarts, out, callback or listener)

    def begin(follower: Callback) -> Run:
        import_keras()
        return start(configuration, out=out, callback=follower, earlier=earlier)

    return _follow(begin, callback, listener)


def _open_earlier(
    from_run: str | os.PathLike[str] | None, workers: int | None
) -> EarlierRun | None:
    if from_run is None:
        return None
    from textgen_core.pipeline.earlier_run import open_earlier

    return open_earlier(from_run, workers)


def resume(
    reference: str | os.PathLike[str] | None = None,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    corpus: str | Path | Sequence[str | Path] = (),
    validation: str | Path | None = None,
    test: str | Path | None = None,
    tracker: str | Mapping[str, Any] | Tracker | Sequence[Any] | None = None,
    workers: int | None = None,
    restarts: int | None = None,
    callback: Callback | None = None,
    listener: Callback | None = None,
) -> Run:
    """Resume an interrupted run, or train a finished one further.

    Args:
        reference: a run, its directory, or a unique prefix of a name under runs/; None: the newest.
        epochs: how many more epochs to train.
        minutes: how many more minutes to train.
        steps: how many more steps to train.
        corpus: where the run's corpus is now, if it was moved or the run was made elsewhere.
        validation: where its ready-made validation text is now.
        test: where its ready-made test text is now.
        tracker: what follows it from now on, as for `run`; by default those of the run that were
            asked for on this machine.
        workers: how many processes of this machine train it from now on, as for `run`.
        restarts: how often they start again, as for `run`.
        callback: its methods are called as the run proceeds, as for `run`.
        listener: the former name of `callback`.

    Returns:
        The finished run.

    Raises:
        UsageError: the run is finished, and no more is asked for.
        RunDirectoryError: the run is missing or damaged, its corpus has changed, or it was made
            elsewhere and `corpus` is not given.
        Interrupted: the user stopped it; a checkpoint was saved.
    """
    more = {"epochs": epochs, "steps": steps, "minutes": minutes}
    places = Places(corpus=_as_files(corpus), validation=validation, test=test)

    if workers is not None and workers != 1:
        from textgen_core.pipeline.supervising import resume_with_workers

        return resume_with_workers(
            find_run(reference),
            workers,
            restarts,
            more=more,
            places=places,
            tracker=tracker,
            callback=callback or listener,
        )

    def begin(follower: Callback) -> Run:
        import_keras()
        return _resume(find_run(reference), more, places, tracker, follower)

    return _follow(begin, callback, listener)


def _resume(
    directory: RunDirectory,
    asked_for: Mapping[str, Any],
    places: Places,
    tracker: Any,
    callback: Callback,
) -> Run:
    from textgen_core.models.devices import prepare_memory
    from textgen_core.pipeline.continuing import check_can_begin
    from textgen_core.pipeline.further import More
    from textgen_core.pipeline.resuming import resume_phases
    from textgen_core.pipeline.run_texts import find_texts, trackers_of
    from textgen_core.pipeline.running import run_phases

    registry = discover()
    configuration, notes = load_configuration(directory, registry)
    for note in notes:
        callback.on_warning(note)
    check_cache(callback)
    asked = None
    if tracker is not None:
        asked = choose_all(registry, "tracker", [(each, "tracker=") for each in as_list(tracker)])
    trackers = trackers_of(directory, configuration, asked, callback.on_warning)
    more = More(**asked_for)
    if cluster := cluster_here():
        from textgen_core.pipeline.starting_workers import resume_worker

        return resume_worker(cluster, configuration, directory, more, places, callback, trackers)
    prepare_memory()
    with writing(directory, callback.on_warning), advising(directory):
        if directory.saved_steps():
            return resume_phases(configuration, directory, more, places, callback, trackers)
        check_can_begin(directory, configuration.from_run)
        configuration = more.added_to(configuration)
        texts = find_texts(directory, configuration, places, "resume")
        return run_phases(configuration, texts, directory, callback, trackers)


def open_run(
    reference: str | os.PathLike[str] | None = None,
    *,
    used: Collection[str] = tuple(KINDS),
    corpus: str | Path | Sequence[str | Path] = (),
    validation: str | Path | None = None,
    test: str | Path | None = None,
    runtime: RuntimeName = "auto",
) -> Run:
    """Open a trained run.

    Its corpus is read only by what needs it, and only where its user said on this machine that it
    is: when the run was made, or here.

    Args:
        reference: a run's directory, or a unique prefix of a name under runs/; None: the newest
            that has a checkpoint.
        used: the kinds of components that will be used beside tokenizer and model, which always
            are: `()` suffices to score, to explore, and to write with samplers of one's own. What
            is missing of another kind is only in the run's `warnings`.
        corpus: where the run's corpus is now, if it was moved or the run was made elsewhere.
        validation: where its ready-made validation text is now.
        test: where its ready-made test text is now.
        runtime: what writes: "program", without TensorFlow, "tensorflow", or "auto", programs where
            there can be some.

    Returns:
        The run; its model is loaded when it is first needed.

    Raises:
        RunDirectoryError: the run is missing or damaged, or lacks a plugin.
    """
    directory = find_run(reference, trained=True)
    configuration, notes = load_configuration(directory, discover(), used)
    places = Places(corpus=_as_files(corpus), validation=validation, test=test)
    computing = Computing(runtime=runtime)
    return Run(directory, configuration, places=places, warnings=notes, computing=computing)


def _as_files(corpus: str | Path | Sequence[str | Path]) -> list[str | Path]:
    return [corpus] if isinstance(corpus, (str, Path)) else list(corpus)


def _follow(
    begin: Callable[[Callback], Run], callback: Callback | None, listener: Callback | None
) -> Run:
    """Begin a run and have it followed: `listener` is what `callback` was called in textgen 0.1."""
    from textgen_core.pipeline.notebook import follow  # its pictures, not needed to open a run

    if listener is not None:
        warnings.warn(
            "listener= goes in textgen 0.3: use callback=.", DeprecationWarning, stacklevel=3
        )
    return follow(begin, callback or listener)
