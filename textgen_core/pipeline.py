"""The five phases in order, and the Python API: `run`, `resume` and `open_run`.

This module decides what is written to the run directory, and when. It knows nothing about
terminals, and leaves every figure to the rooms below it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from textgen_core.building import initialise
from textgen_core.config import Configuration, configure
from textgen_core.corpus import Texts, read_texts
from textgen_core.data.tokenizer import load_tokenizer, save_tokenizer
from textgen_core.devices import describe_machine, grow_memory
from textgen_core.discovery import discover
from textgen_core.errors import Interrupted, UsageError
from textgen_core.listener import Listener
from textgen_core.manifest import describe_run, load_configuration
from textgen_core.narration import (
    tell_analysis,
    tell_evaluation,
    tell_model,
    tell_preparation,
)
from textgen_core.opened_run import Run, check_corpus
from textgen_core.phases import Prepared, analyse, build, prepare
from textgen_core.run_directory import (
    RUNS,
    RunDirectory,
    append_row,
    check_free,
    create_run_directory,
    find_run,
    write_json,
    write_toml,
)
from textgen_core.training.checkpoint import load_state
from textgen_core.training.loop import TrainingJob, is_over
from textgen_core.training.progress import TrainingState
from textgen_core.training_phase import make_job, restore, tracking, train_phase


@attrs.frozen(kw_only=True)
class More:
    """How much further than planned a run is to be trained: one of the two, or neither."""

    epochs: int | None = None
    minutes: float | None = None

    def __attrs_post_init__(self) -> None:
        if self.epochs is not None and self.minutes is not None:
            raise UsageError("Both epochs and minutes are given.", "Allowed: one of the two.")
        if (self.epochs is not None and self.epochs < 1) or (
            self.minutes is not None and not self.minutes > 0
        ):
            raise UsageError("A run is trained further by a positive number of epochs or minutes.")

    @property
    def asked(self) -> bool:
        """Whether anything is to be added to the plan."""
        return self.epochs is not None or self.minutes is not None


def run(
    corpus: str | Path | Sequence[str | Path] = (),
    *,
    recipe: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | Sequence[str] = (),
    out: str | Path | None = None,
    listener: Listener | None = None,
    **arguments: Any,
) -> Run:
    """Train a model on a corpus, write with it, score it, and return the run.

    corpus: a file, folder or several; none: the built-in corpus. `arguments` are those of
    `textgen run`: tokenizer, model, sampler, metric, tracker (a spec, a dict with "name", an
    instance; the last three also lists of these), epochs or minutes, batch_size, learning_rate,
    seed, split, validation, test, prompt. `settings` maps "section.key" to a value. A lower layer
    gives way to a higher one: defaults, recipe, config file, settings, arguments.

    Raises a TextgenError; Interrupted if a person stopped it, and a checkpoint was saved.
    """
    files = [corpus] if isinstance(corpus, (str, Path)) else list(corpus)
    configuration = configure(
        {"corpus": [str(file) for file in files] or None, **arguments},
        discover(),
        recipe=recipe,
        config=None if config is None else Path(config),
        settings=settings,
    )
    return start(configuration, out=out, listener=listener)


def start(
    configuration: Configuration,
    *,
    texts: Texts | None = None,
    out: str | Path | None = None,
    listener: Listener | None = None,
) -> Run:
    """Walk the five phases of a configuration in a new run directory.

    `texts` are those of the configuration, where the caller has read them already.
    """
    listener = listener or Listener()
    path = Path(out) if out is not None else free_path(configuration.model.name)
    check_free(path)
    texts = read_texts(configuration.corpus) if texts is None else texts
    grow_memory()
    with _advising(RunDirectory(path)):
        return _walk(with_absolute_paths(configuration), texts, path, listener)


def resume(
    reference: str | Path | None = None,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    listener: Listener | None = None,
) -> Run:
    """Go on with an interrupted run, or train a run for more epochs or minutes.

    Raises a TextgenError: UsageError if the run is finished and no more is asked for,
    RunDirectoryError if its corpus has changed.
    """
    listener = listener or Listener()
    directory = find_run(reference)
    configuration, warnings = load_configuration(directory, discover())
    for warning in warnings:
        listener.warning(warning)
    grow_memory()
    more = More(epochs=epochs, minutes=minutes)
    with _advising(directory):
        if directory.saved_steps():
            return _go_on(configuration, directory, more, listener)
        if more.asked:
            training = attrs.evolve(configuration.training, epochs=epochs, minutes=minutes)
            configuration = attrs.evolve(configuration, training=training)
        return _walk(configuration, read_texts(configuration.corpus), directory.path, listener)


def open_run(reference: str | Path | None = None) -> Run:
    """Open a run: a directory, a unique prefix of a name under runs/, or None for the newest.

    Raises RunDirectoryError if it is missing, damaged, or lacks a plugin.
    """
    directory = find_run(reference)
    configuration, warnings = load_configuration(directory, discover())
    return Run(directory, configuration, warnings=warnings)


def free_path(model: str) -> Path:
    """Return the default path of a new run: runs/<time>-<model>."""
    name = f"{datetime.now().astimezone():%Y-%m-%d-%H%M%S}-{model}"
    path = RUNS / name
    number = 2
    while path.exists():
        path, number = RUNS / f"{name}-{number}", number + 1
    return path


def with_absolute_paths(configuration: Configuration) -> Configuration:
    """Return the configuration with every corpus path made absolute, so that it holds anywhere."""
    corpus = configuration.corpus
    return attrs.evolve(
        configuration,
        corpus=attrs.evolve(
            corpus,
            files=tuple(
                file if file == "-" else str(Path(file).absolute()) for file in corpus.files
            ),
            validation=corpus.validation and corpus.validation.absolute(),
            test=corpus.test and corpus.test.absolute(),
        ),
    )


@contextmanager
def _advising(directory: RunDirectory) -> Iterator[None]:
    """Turn a Ctrl-C outside of training, or a second one, into the advice how to go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        saved = directory.saved_steps()
        raise Interrupted(
            f"Stopped; the newest checkpoint is that of step {saved[-1]}."
            if saved
            else "Stopped before the first checkpoint.",
            advice=f"Go on: textgen resume {directory.path}"
            if directory.configuration.is_file()
            else "",
        ) from error


# ---- a new run ------------------------------------------------------------------------------


def _walk(configuration: Configuration, texts: Texts, path: Path, listener: Listener) -> Run:
    """Walk all five phases, and leave each one's findings in the run directory."""
    with _no_false_start(path):
        job, prepared = _begin(configuration, texts, path, listener)
    return _train_and_finish(configuration, job, prepared, restore(job, fresh_plan=False), listener)


@contextmanager
def _no_false_start(path: Path) -> Iterator[None]:
    """Where a new run fails before training, remove what it wrote: the next try may use the path.

    A run that is interrupted stays, since it can be resumed.
    """
    if (path / "run.toml").is_file():
        yield
        return
    existed = path.is_dir()
    try:
        yield
    except Exception:
        directory = RunDirectory(path)
        for file in (
            directory.configuration,
            directory.analysis,
            directory.tokenizer,
            directory.manifest,
        ):
            file.unlink(missing_ok=True)
        if not existed:
            with suppress(OSError):  # what else may lie there is not ours to remove
                path.rmdir()
        raise


def _begin(
    configuration: Configuration, texts: Texts, path: Path, listener: Listener
) -> tuple[TrainingJob, Prepared]:
    """Phases 1 to 3, and what phase 4 needs."""
    listener.phase(1)
    if not configuration.corpus.files:
        listener.found([*texts.corpus.notes, f"SHA-256 {texts.files[0]['sha256']}"])
    directory = RunDirectory(path) if (path / "run.toml").is_file() else create_run_directory(path)
    write_toml(directory.configuration, configuration.as_table())
    listener.run_starts(str(path))
    analysis, advice = analyse(texts)
    write_json(directory.analysis, analysis.as_json())
    listener.found(tell_analysis(analysis))
    for text in (*(texts.notes if configuration.corpus.files else ()), *advice):
        listener.warning(text)

    listener.phase(2)
    prepared = prepare(texts, configuration)
    save_tokenizer(prepared.tokenizer, directory.tokenizer)
    listener.found(tell_preparation(prepared, configuration))

    listener.phase(3)
    language_model, description = build(configuration, prepared.tokenizer)
    initialise(configuration.model, language_model)
    write_json(
        directory.manifest,
        describe_run(
            configuration,
            files=_with_absolute_paths(texts.files),
            machine=describe_machine(),
            model=attrs.asdict(description),
        ),
    )
    columns, rows, lines = tell_model(description)
    listener.table(columns, rows)
    listener.found(lines)

    listener.phase(4)
    return make_job(configuration, directory, language_model, prepared, listener), prepared


def _with_absolute_paths(files: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the files as `with_absolute_paths` lets them be found again; stdin is no path."""
    return [
        {**file, "path": str(Path(file["path"]).absolute())}
        if Path(file["path"]).exists()
        else dict(file)
        for file in files
    ]


def _train_and_finish(
    configuration: Configuration,
    job: TrainingJob,
    prepared: Prepared,
    state: TrainingState,
    listener: Listener,
) -> Run:
    """Phases 4 and 5, both followed by the run's trackers."""
    with tracking(configuration, job, state, listener) as trackers:
        state = train_phase(job, state, listener, trackers)
        return _finish(configuration, job.run, prepared, state, listener)


def _finish(
    configuration: Configuration,
    directory: RunDirectory,
    prepared: Prepared,
    state: TrainingState,
    listener: Listener,
) -> Run:
    """Phase 5: write, score and report with the best checkpoint, unless training was stopped."""
    if not is_over(state, configuration.training):
        raise Interrupted(
            f"Stopped at step {state.step}, and the checkpoint is saved.",
            advice=f"Go on: textgen resume {directory.path}",
        )
    listener.phase(5)
    run = Run(directory, configuration, prepared=prepared)
    settings = configuration.generation
    generation = run.write(settings.prompt, samples=settings.samples)
    texts = [sample.text for sample in generation.samples]
    for text in texts:
        append_row(
            directory.samples,
            {
                "step": run.step,
                "prompt": settings.prompt,
                "seed": configuration.seed,
                "samplers": [chosen.label for chosen in configuration.samplers],
                "text": text,
            },
        )
    listener.generated(texts, settings.prompt)
    if len(prepared.token_files) > 1:
        evaluation = run.evaluate()
        listener.found(tell_evaluation(evaluation, run.language_model.vocabulary_size))
    else:
        listener.warning("No text was held out, so the run cannot be scored.")
    run.report()
    return run


# ---- an old run -----------------------------------------------------------------------------


def _go_on(
    configuration: Configuration, directory: RunDirectory, more: More, listener: Listener
) -> Run:
    """Train on from the newest checkpoint, with the run's own tokenizer and an unchanged corpus."""
    texts = read_texts(configuration.corpus)
    check_corpus(directory, texts)
    prepared = prepare(texts, configuration, load_tokenizer(directory.tokenizer))
    state = load_state(directory, directory.saved_steps()[-1])
    if more.asked:
        configuration = _extended(configuration, more, state, prepared)
        write_toml(directory.configuration, configuration.as_table())
    elif is_over(state, configuration.training) and directory.evaluation.is_file():
        raise UsageError(
            f"{directory.path} is finished: {state.step} steps.",
            "Allowed: more epochs or minutes.",
            f"Train it further: textgen resume {directory.path} --epochs 2",
        )
    listener.run_starts(str(directory.path))
    language_model, _ = build(configuration, prepared.tokenizer)
    listener.phase(4)
    job = make_job(configuration, directory, language_model, prepared, listener)
    state = restore(job, fresh_plan=more.asked)
    listener.found([f"Going on from the checkpoint of step {state.step}."])
    return _train_and_finish(configuration, job, prepared, state, listener)


def _extended(
    configuration: Configuration, more: More, state: TrainingState, prepared: Prepared
) -> Configuration:
    """Return the configuration with more epochs or minutes than were trained so far."""
    training = configuration.training
    if more.minutes is not None:
        minutes = state.seconds / 60 + more.minutes
        extended = attrs.evolve(training, epochs=None, minutes=minutes)
    else:
        per_epoch = prepared.batches.batches_per_epoch
        trained = math.ceil(state.step * training.accumulate / per_epoch)
        extended = attrs.evolve(training, epochs=trained + (more.epochs or 0), minutes=None)
    return attrs.evolve(configuration, training=extended)
