"""The five phases in order, for a new run and for one that goes on.

This module decides what is written to the run directory, and when; it leaves every figure to the
rooms below it, and where a run lies to `pipeline`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Texts, read_texts
from textgen_core.data.tokenizer import load_tokenizer, save_tokenizer
from textgen_core.errors import Interrupted, UsageError
from textgen_core.models.build import initialise, width_advice
from textgen_core.models.devices import choose_precision, compute_capabilities, describe_machine
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.callbacks import Listener
from textgen_core.pipeline.messages import (
    tell_analysis,
    tell_evaluation,
    tell_model,
    tell_preparation,
)
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.preparing import Prepared, analyse, build, prepare
from textgen_core.pipeline.run_texts import check_corpus
from textgen_core.pipeline.training import make_job, restore, sample_row, tracking, train_phase
from textgen_core.runs.directory import RunDirectory, create_run_directory
from textgen_core.runs.disk import check_space
from textgen_core.runs.files import append_row, write_json, write_toml
from textgen_core.runs.manifest import check_settings, describe_run
from textgen_core.training.checkpoint import KEPT, load_state
from textgen_core.training.job import TrainingJob, is_over
from textgen_core.training.memory import checkpoint_bytes
from textgen_core.training.state import TrainingState


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


# ---- a new run ------------------------------------------------------------------------------


def walk(configuration: Configuration, texts: Texts, path: Path, listener: Listener) -> Run:
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
    analysis, advice = analyse(texts, configuration.corpus.language, listener.progress)
    write_json(directory.analysis, analysis.as_json())
    listener.found(tell_analysis(analysis))
    for text in (*(texts.notes if configuration.corpus.files else ()), *advice):
        listener.warning(text)

    listener.phase(2)
    prepared = prepare(texts, configuration, progress=listener.progress)
    save_tokenizer(prepared.tokenizer, directory.tokenizer)
    overlap = prepared.overlap.as_json() if prepared.overlap else None
    write_json(directory.analysis, {**analysis.as_json(), "overlap": overlap})
    listener.found(tell_preparation(prepared, configuration))

    listener.phase(3)
    language_model, description = build(configuration, prepared.tokenizer)
    _check_disk(directory, language_model, configuration)
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
    widths = width_advice(language_model, description.precision)
    if widths:
        listener.warning(widths)

    listener.phase(4)
    return make_job(configuration, directory, language_model, prepared, listener), prepared


def _check_disk(
    directory: RunDirectory, language_model: LanguageModel, configuration: Configuration
) -> None:
    """Raise DiskTooSmall unless the checkpoints fit: those kept, the best, and one half written."""
    size = checkpoint_bytes(language_model, configuration.training)
    check_space(
        directory.path,
        (KEPT + 2) * size,
        "The checkpoints of this run",
        "Make room, name a folder on another disk with --out DIR, or choose a smaller model.",
    )


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
        append_row(directory.samples, {"step": run.step, **sample_row(configuration, text)})
    listener.generated(texts, settings.prompt)
    if len(prepared.token_files) > 1:
        evaluation = run.evaluate()
        listener.found(tell_evaluation(evaluation, run.language_model.vocabulary_size))
    else:
        listener.warning("No text was held out, so the run cannot be scored.")
    run.report()
    return run


# ---- an old run -----------------------------------------------------------------------------


def go_on(
    configuration: Configuration, directory: RunDirectory, more: More, listener: Listener
) -> Run:
    """Train on from the newest checkpoint, with the run's tokenizer, and all else as it was."""
    precision = choose_precision(configuration.training.precision, compute_capabilities())
    check_settings(directory, configuration, precision)
    texts = read_texts(configuration.corpus)
    check_corpus(directory, texts)
    tokenizer = load_tokenizer(directory.tokenizer)
    prepared = prepare(texts, configuration, tokenizer, listener.progress)
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
