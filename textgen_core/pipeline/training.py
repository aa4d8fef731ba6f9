"""Phase 4: from a model and its token files to checkpoints.

Connects the training loop with what validates, what writes the samples, and who follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.components import Outcome, TrackedRun
from textgen_core.config.resolve import Configuration
from textgen_core.data.token_files import TokenFile, subsample_evenly
from textgen_core.errors import Interrupted
from textgen_core.evaluation.figures import Figures, measure_losses
from textgen_core.evaluation.scoring import Scorer
from textgen_core.generation import Sample
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.assembly import make_scorer
from textgen_core.pipeline.fitting import format_most_passes
from textgen_core.pipeline.preparing import Prepared
from textgen_core.pipeline.run_writing import make_generator
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import check_tree, is_there
from textgen_core.runs.files import drop_rows_after
from textgen_core.runs.weights import load_weights
from textgen_core.training.averaging import swap_average
from textgen_core.training.callbacks import Callback, Callbacks, Trackers
from textgen_core.training.checkpoint import (
    load_optimizer,
    load_recurrent_state,
    load_state,
    mark_best,
    remove_leftovers,
)
from textgen_core.training.interruption import listening
from textgen_core.training.job import (
    TrainingJob,
    check_batch,
    check_profile,
    check_streams,
    first_state,
    format_step,
    is_over,
    last_step_of,
    measure_step,
    precision_of,
)
from textgen_core.training.loop import train
from textgen_core.training.optimizer import build_optimizer
from textgen_core.training.profiling import FOLDER, format_profile
from textgen_core.training.state import TrainingState
from textgen_core.training.step import TrainingStep

if TYPE_CHECKING:
    from textgen_core.training.workers.transport import Collective

_WRITTEN_TOKEN = 75  # tokens trained on in the time that one is written in: 400 and 30,000 a second


def make_job(
    configuration: Configuration,
    run: RunDirectory,
    language_model: LanguageModel,
    prepared: Prepared,
    callback: Callback,
    collective: Collective | None = None,
    scorer: Scorer | None = None,
) -> TrainingJob:
    """Return the training job of a run; `collective`: the workers that share it.

    scorer: what validates it, if it is at hand. Raises ConfigurationError if the model cannot do
    what the settings ask for.
    """
    streams = configuration.data.batching == "stream"
    if streams:
        check_streams(configuration, language_model)
    check_profile(configuration.training, prepared.batches)
    if collective is not None:
        check_batch(prepared.batches.batch_size, collective.size)
    if configuration.training.recompute:
        if hasattr(language_model.model, "recompute"):
            language_model.model.recompute = True
        else:
            name = configuration.model.name
            callback.on_warning(f"training.recompute does nothing: the model {name!r} lacks it.")
    float16 = precision_of(language_model) == "float16"
    optimizer = build_optimizer(configuration.training, language_model.model, float16)
    step = TrainingStep(
        language_model,
        optimizer,
        configuration.training,
        carries_state=streams,
        model_name=configuration.model.description,
        collective=collective,
    )
    return TrainingJob(
        language_model=language_model,
        optimizer=optimizer,
        step=step,
        batches=prepared.batches,
        settings=configuration.training,
        run=run,
        validate=_validation(
            configuration,
            scorer or make_scorer(configuration, language_model),
            prepared.token_files.get("validation"),
        ),
        write_sample=_sample_writer(configuration, language_model),
        callback=callback,
        event_steps=_event_steps(configuration, prepared),
        collective=collective,
    )


def restore(job: TrainingJob, *, fresh_plan: bool) -> TrainingState:
    """Return the state to train from: that of the newest checkpoint, or the first one.

    The logs lose what was written after it. With `fresh_plan` the schedule starts over, for a run
    that is trained further than it was planned. Of several workers the first reads, and tells the
    others, which need not see its directory.
    """
    if job.collective is None:
        return _restore(job, fresh_plan)
    from textgen_core.training.workers.beginning import begin_as_first  # which one worker lacks

    state = None if job.collective.rank else _restore(job, fresh_plan)
    return begin_as_first(job, state)


def _restore(job: TrainingJob, fresh_plan: bool) -> TrainingState:
    if is_there(job.run.path):
        check_tree(job.run.path)  # trackers and the profiler write there by themselves
    remove_leftovers(job.run)
    saved = job.run.saved_steps()
    step = saved[-1] if saved else 0
    for log in (job.run.metrics, job.run.samples):
        drop_rows_after(log, step if saved else -1)
    if not saved:
        return first_state(job)
    state = load_state(job.run, step)
    load_weights(job.run, step, job.language_model.model)
    load_optimizer(job.run, step, job.optimizer)
    swap_average(job.language_model.model, job.optimizer)
    initial = job.step.initial_recurrent_state(job.batches.batch_size)
    if initial is not None:
        job.step.recurrent_state = load_recurrent_state(job.run, step, initial)
    mark_best(job.run, state)  # a kill between checkpoint and mark leaves another one marked
    last = last_step_of(job.settings, job.batches)
    return state.with_fresh_plan(last) if fresh_plan else state


@contextmanager
def tracking(
    configuration: Configuration, job: TrainingJob, state: TrainingState
) -> Iterator[TrainingJob]:
    """Open the run's trackers for phases 4 and 5; they close with how these ended.

    Yields the job, followed by the trackers too.
    """
    tracked = TrackedRun(
        id=job.run.name,
        directory=job.run.path,
        configuration=configuration.as_table(),
        resumed_at_step=state.step or None,
    )
    trackers = Trackers(configuration.trackers, tracked, job.callback.on_warning)
    outcome = Outcome(status="failed")
    try:
        yield attrs.evolve(job, callback=Callbacks(job.callback, trackers))
        outcome = Outcome(
            status="finished",
            evaluation=job.run.evaluation if is_there(job.run.evaluation) else None,
            report=job.run.report if is_there(job.run.report) else None,
        )
    except (Interrupted, KeyboardInterrupt):
        outcome = Outcome(status="interrupted")
        raise
    finally:
        trackers.finish(outcome)


def train_phase(
    job: TrainingJob, state: TrainingState, step_seconds: float | None = None
) -> TrainingState:
    """Phase 4: train to the end or to an interruption; step_seconds: of a step, where measured."""
    callback = job.callback
    before = state.step
    with listening() as interruption:
        # May compile the step, which may note something.
        estimate = _estimate(job, state, step_seconds)
        for note in job.step.notes:
            callback.on_warning(note)
        callback.on_estimate(*estimate)
        how, guessing = format_step(job)
        callback.on_message([guessing])
        callback.on_detail([how])
        state = train(job, state, interruption)
    if job.collective is not None:
        job.collective.close()
    callback.on_training_end(interrupted=not is_over(state, job.settings))
    if note := format_most_passes(job.settings, state, last_step_of(job.settings, job.batches)):
        callback.on_message([note])
    lines, missed = format_profile(job.settings.profile, job.run.path / FOLDER, before, state.step)
    if lines:
        callback.on_message(lines)
    if missed:
        callback.on_warning(missed)
    return state


def _estimate(
    job: TrainingJob, state: TrainingState, step_seconds: float | None
) -> tuple[float, int | None]:
    if job.settings.minutes is not None:
        return max(0.0, job.settings.minutes * 60 - state.seconds), None
    steps = state.plan.last_step - state.step
    if steps > 0 and step_seconds is None:
        step_seconds = measure_step(job)
    return (step_seconds or 0.0) * max(0, steps), steps


def _event_steps(configuration: Configuration, prepared: Prepared) -> float:
    """Return how many training steps take about as long as a validation and a sample.

    The same tokens cost a third without a backward pass; written one by one, they cost far more.
    """
    training, validation = configuration.training, prepared.token_files.get("validation")
    scored = len(validation.token_ids) if validation is not None else 0
    scored = min(scored, training.validation_tokens or scored)
    work = scored / 3 + _WRITTEN_TOKEN * configuration.generation.max_new_tokens
    a_batch = prepared.batches.batch_size * configuration.data.sequence_length
    return work / (training.accumulate * a_batch)


def _validation(
    configuration: Configuration, scorer: Scorer, tokens: TokenFile | None
) -> Callable[[], Figures | None]:
    if tokens is None:
        return lambda: None
    token_ids = subsample_evenly(tokens.token_ids, configuration.training.validation_tokens)
    share = len(token_ids) / len(tokens.token_ids)
    sizes = [round(size * share) for size in (tokens.text_bytes, tokens.unknown_bytes)]
    return lambda: measure_losses(scorer.score_side_by_side(token_ids), *sizes)


def _sample_writer(
    configuration: Configuration, language_model: LanguageModel
) -> Callable[[], Mapping[str, Any]]:
    settings = configuration.generation
    generator = make_generator(configuration.samplers, language_model)

    def write() -> Mapping[str, Any]:
        generation = generator.generate(
            [settings.prompt], max_new_tokens=settings.max_new_tokens, seed=configuration.seed
        )
        return sample_row(configuration, generation.samples[0])

    return write


def sample_row(configuration: Configuration, sample: Sample) -> dict[str, Any]:
    """Return a row of samples.jsonl for a text that the run wrote, without its step."""
    return {
        "prompt": sample.prompt,
        "seed": configuration.seed,
        "samplers": [chosen.label for chosen in configuration.samplers],
        "text": sample.text,
    }
