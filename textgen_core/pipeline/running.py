"""The five phases of a new run in order; a run that is resumed shares the last two.

What is written to the run directory, and when, is decided here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Texts
from textgen_core.errors import Interrupted
from textgen_core.evaluation.verdict import UNSCORED
from textgen_core.formatting import shell_word, visible
from textgen_core.pipeline.beginning import (
    Built,
    Trackers,
    analyse_run,
    build_run,
    prepare_run,
    settle_run,
)
from textgen_core.pipeline.continuing import save_beginning
from textgen_core.pipeline.earlier_run import EarlierRun
from textgen_core.pipeline.fitting import Settled
from textgen_core.pipeline.live_report import live_report
from textgen_core.pipeline.messages import (
    format_findings,
    format_measures,
    format_no_gain,
    format_scores,
)
from textgen_core.pipeline.mixing import fit_mixture
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.preparing import Prepared, with_prompt
from textgen_core.pipeline.refitting import have_one_step, refit, time_step
from textgen_core.pipeline.training import make_job, restore, sample_row, tracking, train_phase
from textgen_core.runs import RunDirectory
from textgen_core.runs.door import is_there
from textgen_core.runs.files import append_row
from textgen_core.runs.made_here import write_configuration
from textgen_core.training.callbacks import Callback
from textgen_core.training.job import TrainingJob, is_over
from textgen_core.training.state import TrainingState

if TYPE_CHECKING:
    from textgen_core.pipeline.workers import Worker

MANY = 64  # texts side by side, for which a run leaves programs behind


def run_phases(
    configuration: Configuration,
    texts: Texts,
    directory: RunDirectory,
    callback: Callback,
    trackers: Trackers,
    worker: Worker | None = None,
    earlier: EarlierRun | None = None,
) -> Run:
    """Run all five phases, and leave what each one finds in the run directory.

    trackers: those that follow it. worker: this process, where it is the first of several. earlier:
    the run that it begins with.
    """
    configuration = with_prompt(configuration, texts.corpus.documents)
    with _removed_on_failure(directory), preparing(worker):
        configuration, job, prepared = _begin(
            configuration, texts, directory, callback, trackers, worker, earlier
        )
        if worker is not None:
            worker.check_texts(texts)
        if earlier is not None:
            save_beginning(job)
    state = restore(job, fresh_plan=False)
    return train_and_finish(configuration, job, prepared, state, trackers)


def preparing(worker: Worker | None) -> Any:
    """Return the block in which several workers prepare a run, each its own part."""
    return nullcontext() if worker is None else worker.preparing()


@contextmanager
def _removed_on_failure(directory: RunDirectory) -> Iterator[None]:
    """If a new run fails before training, remove what it wrote, so that its path is free again.

    A run that is interrupted stays, since it can be resumed.
    """
    if is_there(directory.configuration):
        yield
        return
    try:
        yield
    except Exception:
        written = (directory.configuration, directory.analysis, directory.tokenizer)
        others = (directory.counts, directory.manifest, directory.builtin, directory.earlier)
        for file in (*written, *others, directory.metrics):
            file.unlink(missing_ok=True)
        raise


def _begin(
    configuration: Configuration,
    texts: Texts,
    directory: RunDirectory,
    callback: Callback,
    trackers: Trackers,
    worker: Worker | None,
    earlier: EarlierRun | None,
) -> tuple[Configuration, TrainingJob, Prepared]:
    """Phases 1 to 3: what phase 4 needs, and the configuration as it was fitted to the text."""
    analysis = analyse_run(configuration, texts, directory, callback, trackers)
    prepared = prepare_run(configuration, texts, directory, callback, analysis, earlier)
    settled = settle_run(configuration, prepared, directory, callback)
    configuration = settled.fitted
    built = build_run(configuration, texts, prepared, directory, callback, worker, earlier)
    callback.on_phase(4)
    collective = None if worker is None else worker.collective
    job = make_job(configuration, directory, built[0], prepared, callback, collective)
    is_timed = configuration.training.clock == "minutes" and not (worker or earlier)
    if settled.unfitted.fit and is_timed:
        configuration, job = _fit_by_time(settled, texts, prepared, built, job)
    return configuration, job, prepared


def _fit_by_time(
    settled: Settled,
    texts: Texts,
    prepared: Prepared,
    built: Built,
    job: TrainingJob,
) -> tuple[Configuration, TrainingJob]:
    """Return what the rules choose once the step of a job is timed, and the job of that."""
    began, directory, callback = time.perf_counter(), job.run, job.callback
    callback.on_progress("compiling", 0, 1)
    taken = time_step(job)
    callback.on_progress("compiling", 1, 1)
    fitted = settled.fitted
    if found := refit(settled, job, taken):
        fitted, line = found
        write_configuration(directory, fitted.as_table())
        callback.on_detail([line])
        if have_one_step(settled.fitted, fitted):
            build_run(fitted, texts, prepared, directory, Callback(), built=built)
            job = attrs.evolve(job, settings=fitted.training)
        else:
            language_model, _ = build_run(fitted, texts, prepared, directory, Callback())
            job = make_job(fitted, directory, language_model, prepared, callback)
    return fitted, attrs.evolve(job, spent=time.perf_counter() - began)


def train_and_finish(
    configuration: Configuration,
    job: TrainingJob,
    prepared: Prepared,
    state: TrainingState,
    trackers: Trackers,
) -> Run:
    """Phases 4 and 5, which the trackers follow, and the report."""
    with (
        tracking(attrs.evolve(configuration, trackers=trackers), job, state) as tracked,
        live_report(tracked) as followed,
    ):
        trained = train_phase(followed, state)
        if state.step >= trained.best_step > 0 and is_over(trained, configuration.training):
            tracked.callback.on_warning(format_no_gain(state, trained))
        return _finish(configuration, job, prepared, trained)


def _finish(
    configuration: Configuration, job: TrainingJob, prepared: Prepared, state: TrainingState
) -> Run:
    """Phase 5: write, score and report with the best checkpoint, unless training was stopped."""
    directory, callback, verdict = job.run, job.callback, UNSCORED
    if not is_over(state, configuration.training):
        raise Interrupted(
            f"Stopped at step {state.step}, and the checkpoint is saved.",
            advice=f"Go on: textgen resume {shell_word(directory.path)}",
        )
    callback.on_phase(5)
    if len(prepared.kept_out) > 1:
        callback.on_detail([fit_mixture(directory, configuration, prepared)])
    run = Run(directory, configuration, prepared=prepared)
    settings = configuration.generation
    _leave_programs(run, settings.prompt)
    generation = run.write(settings.prompt, samples=settings.samples)
    texts = [sample.text for sample in generation.samples]
    for note in generation.notes:
        callback.on_warning(note)
    if generation.unknown_characters:
        shown = " ".join(f'"{visible(each)}"' for each in generation.unknown_characters[:20])
        callback.on_warning(f"The tokenizer has never seen these of the prompt: {shown}")
    # Shown, and the figures too, even if no file takes them.
    callback.on_generated(texts, generation.samples[0].prompt)
    if len(prepared.token_files) > 1:
        evaluation = run.evaluate()
        callback.on_message(format_scores(evaluation, run.language_model.vocabulary_size))
        callback.on_detail(format_measures(evaluation))
        callback.on_message(format_findings(evaluation))
        verdict = evaluation.verdict
    else:
        callback.on_warning("No text was held out, so the run cannot be scored.")
    for warning in run.warnings:
        callback.on_warning(warning)
    for sample in generation.samples:
        append_row(directory.samples, {"step": run.step, **sample_row(configuration, sample)})
    run.report()
    callback.on_verdict(verdict.sentences(shell_word(directory.path)))
    return run


def _leave_programs(run: Run, prompt: str) -> None:
    """Have made, now that TensorFlow is at hand, what one text and many texts are written with."""
    for texts in (1, MANY):
        run.stream([prompt] * texts)  # which makes it before the first piece is taken
