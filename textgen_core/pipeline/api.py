"""The Python API: `run`, `resume`, `open_run`, and where their runs lie.

What trains is imported where a run is trained: to open one, and to write with it, needs none of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.config.ineffective import find_ineffective
from textgen_core.config.resolve import Configuration, configure
from textgen_core.corpus.reading.course import anywhere
from textgen_core.errors import Interrupted, RunDirectoryError
from textgen_core.formatting import expand_home, shell_word
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.run_runtime import Computing, RuntimeName
from textgen_core.registry import KINDS, choose_all, discover
from textgen_core.registry.selection import as_list
from textgen_core.runs.cache import cache_note, usable_cache
from textgen_core.runs.directory import (
    RunDirectory,
    check_free,
    create_default_directory,
    create_run_directory,
    find_run,
    free_path,
)
from textgen_core.runs.door import is_there
from textgen_core.runs.files import FREE_SPACE
from textgen_core.runs.lock import writing
from textgen_core.runs.manifest import load_configuration
from textgen_core.training.callbacks import Callback

if TYPE_CHECKING:
    from textgen_core.corpus import Texts


def run(
    corpus: str | Path | Sequence[str | Path] = (),
    *,
    recipe: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | Sequence[str] = (),
    out: str | Path | None = None,
    callback: Callback | None = None,
    listener: Callback | None = None,
    **arguments: Any,
) -> Run:
    """Train a model on a corpus, write with it, score it, and return the run.

    Of several layers of settings the later wins: defaults, `recipe`, `config`, `settings`,
    `arguments`.

    Args:
        corpus: a file, a folder, or several of them; none: the built-in corpus.
        recipe: a bundled recipe's name, or the path of one.
        config: a TOML file of settings.
        settings: values by "section.key", or a list of "section.key=value".
        out: the new run's directory; default: runs/<time>-<model>.
        callback: its methods are called as the run proceeds.
        listener: the former name of `callback`.
        arguments: those of `textgen run`: tokenizer, model, sampler, metric, tracker (a spec, a
            dict with "name", an instance; the last three also lists of these), epochs or minutes,
            batch_size, learning_rate, seed, split, validation, test, prompt.

    Returns:
        The finished run, to write with and to score.

    Raises:
        TextgenError: a setting, a text or a component is wrong, or the run failed.
        Interrupted: the user stopped it; a checkpoint was saved.
    """
    configuration = configure(
        {"corpus": [str(file) for file in _as_files(corpus)] or None, **arguments},
        discover(),
        recipe=recipe,
        config=None if config is None else expand_home(config),
        settings=settings,
    )
    return start(configuration, out=out, callback=_callback(callback, listener))


def start(
    configuration: Configuration,
    *,
    texts: Texts | None = None,
    out: str | Path | None = None,
    callback: Callback | None = None,
) -> Run:
    """Run the five phases of a configuration in a new run directory.

    `texts` are those of the configuration, where the caller has read them already.
    """
    from textgen_core.corpus import keep_streams, read_texts
    from textgen_core.models.devices import prepare_memory
    from textgen_core.pipeline.running import run_phases

    callback = callback or Callback()
    path = None if out is None else expand_home(out)
    check_free(path or free_path(configuration.model.name))
    for text in find_ineffective(configuration):
        callback.on_warning(text)
    _check_cache(callback)
    texts = read_texts(keep_streams(configuration.corpus)) if texts is None else texts
    prepare_memory()
    configuration = with_absolute_paths(configuration)
    with _new_directory(path, configuration, callback) as directory, _advising(directory):
        return run_phases(configuration, texts, directory, callback, configuration.trackers)


def resume(
    reference: str | Path | None = None,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    corpus: str | Path | Sequence[str | Path] = (),
    validation: str | Path | None = None,
    test: str | Path | None = None,
    tracker: Any = None,
    callback: Callback | None = None,
    listener: Callback | None = None,
) -> Run:
    """Resume an interrupted run, or train a finished one further.

    Args:
        reference: a run's directory, or a unique prefix of a name under runs/; None: the newest.
        epochs: how many more epochs to train.
        minutes: how many more minutes to train.
        corpus: where the run's corpus is now, if it was moved or the run was made elsewhere.
        validation: where its ready-made validation text is now.
        test: where its ready-made test text is now.
        tracker: what follows it from now on, as for `run`; by default those of the run that were
            asked for on this machine.
        callback: its methods are called as the run proceeds.
        listener: the former name of `callback`.

    Returns:
        The finished run.

    Raises:
        UsageError: the run is finished, and no more is asked for.
        RunDirectoryError: the run is missing or damaged, its corpus has changed, or it was made
            elsewhere and `corpus` is not given.
        Interrupted: the user stopped it; a checkpoint was saved.
    """
    from textgen_core.models.devices import prepare_memory
    from textgen_core.pipeline.further import More
    from textgen_core.pipeline.run_texts import find_texts, trackers_of
    from textgen_core.pipeline.running import resume_phases, run_phases

    callback = _callback(callback, listener)
    directory = find_run(reference)
    registry = discover()
    configuration, notes = load_configuration(directory, registry)
    for note in notes:
        callback.on_warning(note)
    _check_cache(callback)
    asked = None
    if tracker is not None:
        asked = choose_all(registry, "tracker", [(each, "tracker=") for each in as_list(tracker)])
    trackers = trackers_of(directory, configuration, asked, callback.on_warning)
    prepare_memory()
    more = More(epochs=epochs, minutes=minutes)
    places = Places(corpus=_as_files(corpus), validation=validation, test=test)
    with writing(directory, callback.on_warning), _advising(directory):
        if directory.saved_steps():
            return resume_phases(configuration, directory, more, places, callback, trackers)
        if more.asked:
            training = attrs.evolve(configuration.training, epochs=epochs, minutes=minutes)
            configuration = attrs.evolve(configuration, training=training)
        texts = find_texts(directory, configuration, places, "resume")
        return run_phases(configuration, texts, directory, callback, trackers)


def open_run(
    reference: str | Path | None = None,
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


def _callback(callback: Callback | None, listener: Callback | None) -> Callback:
    """Return who follows the run: `listener` is what `callback` was called in textgen 0.1."""
    if listener is not None:
        warnings.warn(
            "listener= goes in textgen 0.3: use callback=.", DeprecationWarning, stacklevel=3
        )
    return callback or listener or Callback()


def with_absolute_paths(configuration: Configuration) -> Configuration:
    """Return the configuration with every corpus path made absolute, so that it holds anywhere."""
    corpus = configuration.corpus
    files = tuple(each if each == "-" else anywhere(each) for each in corpus.files)
    validation = corpus.validation and Path(anywhere(corpus.validation))
    test = corpus.test and Path(anywhere(corpus.test))
    corpus = attrs.evolve(corpus, files=files, validation=validation, test=test)
    return attrs.evolve(configuration, corpus=corpus)


def _check_cache(callback: Callback) -> None:
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
def _advising(directory: RunDirectory) -> Iterator[None]:
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
