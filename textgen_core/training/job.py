"""What training is made of: the job, where it begins and ends, and what is checked beforehand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs
import tensorflow as tf

from textgen_core.config.resolve import Configuration
from textgen_core.config.settings import TrainingSettings
from textgen_core.data.batches import Batches
from textgen_core.errors import ConfigurationError
from textgen_core.evaluation.figures import Figures
from textgen_core.models.language_model import LanguageModel
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.callbacks import Callback
from textgen_core.training.events import EVENT_STEPS, most_steps_of
from textgen_core.training.state import Plan, TrainingState
from textgen_core.training.step import TrainingStep

if TYPE_CHECKING:
    from textgen_core.training.workers.transport import Collective

_MEASURED_STEPS = 3
_HOW = {
    "xla": "under XLA",
    "mixed": "as a graph partly under XLA",
    "graph": "as a graph",
    "eager": "operation by operation",
}


@attrs.frozen(kw_only=True)
class TrainingJob:
    """All that training needs.

    validate: returns the figures of the validation split, or None where there is none.
    write_sample: returns the fields of a row of samples.jsonl, without its step; None: no text is
    written. event_steps: how many steps take about as long as a validation and a sample.
    spent: seconds of its time that have gone by before it begins, as in compiling the step.
    collective: the workers that share the training, of which the first does all but the steps
    alone; None: there is one.
    """

    language_model: LanguageModel
    optimizer: Any
    step: TrainingStep
    batches: Batches
    settings: TrainingSettings
    run: RunDirectory
    validate: Callable[[], Figures | None]
    write_sample: Callable[[], Mapping[str, Any]] | None
    callback: Callback
    event_steps: float = EVENT_STEPS
    spent: float = 0.0
    collective: Collective | None = None


def first_state(job: TrainingJob) -> TrainingState:
    """Return the state before the first step."""
    plan = Plan(last_step=last_step_of(job.settings, job.batches))
    return TrainingState(plan=plan, seconds=job.spent)


def last_step_of(settings: TrainingSettings, batches: Batches) -> int:
    """Return the last step of a run of epochs or steps; of minutes a bound on that of its plan."""
    return most_steps_of(settings, batches.batches_per_epoch)


def precision_of(language_model: LanguageModel) -> str:
    """Return the precision of a model's arithmetic: "float32", "bfloat16" or "float16"."""
    return str(language_model.model.dtype_policy.name).removeprefix("mixed_")


def is_over(state: TrainingState, settings: TrainingSettings) -> bool:
    """Return whether training has reached its plan's end, or stops early."""
    if state.step >= state.plan.last_step:
        return True
    patience = settings.patience if settings.clock == "epochs" else None
    return patience is not None and state.epochs_without_gain >= patience


def check_streams(configuration: Configuration, language_model: LanguageModel) -> None:
    """Raise ConfigurationError unless the model can keep a state from batch to batch."""
    name, length = configuration.model.name, configuration.data.sequence_length
    if not language_model.can_advance:
        raise ConfigurationError(
            f"data.batching cannot be stream with the model {name!r}: it keeps no recurrent state.",
            "Allowed with it: windows.",
        )
    capacity = language_model.state_capacity
    if capacity is not None and capacity < length:
        raise ConfigurationError(
            f"data.sequence_length cannot be {length} in streams with the model {name!r}: its "
            f"state holds {capacity} tokens.",
            f"Allowed: up to {capacity}.",
        )


def check_profile(settings: TrainingSettings, batches: Batches) -> None:
    """Raise ConfigurationError if the steps to be profiled come after the last one.

    With a time budget, or where training stops early, that cannot be known beforehand.
    """
    last = last_step_of(settings, batches)
    if settings.profile is not None and settings.profile[0] > last:
        raise ConfigurationError(
            f"training.profile cannot begin at step {settings.profile[0]}: the run has {last} "
            "steps.",
            f"Allowed: from 1 to {last}.",
        )


def check_batch(batch_size: int, workers: int) -> None:
    """Raise ConfigurationError unless each of the workers has a row of a batch."""
    if batch_size < workers:
        raise ConfigurationError(
            f"A batch of {batch_size} rows cannot be divided among {workers} workers.",
            f"Allowed: up to {batch_size} workers, or a larger batch.",
            f"Try --batch-size {workers}.",
        )


def measure_step(job: TrainingJob) -> float:
    """Return the seconds of a step, compilation left out; the job is left as it was, to the bit."""
    return min(time_steps(job, 1 + _MEASURED_STEPS)[1:])


def time_steps(job: TrainingJob, count: int) -> list[float]:
    """Return the seconds of so many steps, the first of which compiles; the job stays as it was."""
    with steps_taken_back(job) as time_step:
        return [time_step() for _ in range(count)]


@contextmanager
def steps_taken_back(job: TrainingJob) -> Iterator[Callable[[], float]]:
    """Yield what takes a step and returns its seconds; afterwards the job is as it was before."""
    variables = [*job.language_model.model.variables, *job.optimizer.variables]
    before = [tf.identity(variable.value) for variable in variables]
    recurrent_state = job.step.recurrent_state
    batches = [job.batches.batch(index) for index in range(job.settings.accumulate)]

    def time_step() -> float:
        began = time.perf_counter()
        bool(job.step(batches, 0.0).finite)
        return time.perf_counter() - began

    yield time_step
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    job.step.recurrent_state = recurrent_state


def format_step(job: TrainingJob) -> list[str]:
    """Return how a step is computed, and what it would cost to guess."""
    tokens = job.language_model.vocabulary_size
    how = _HOW[job.step.compiled_with]
    if job.step.parts > 1:
        how += f", with {job.step.parts} parts of a batch side by side,"
    return [
        f"computed {how} in {precision_of(job.language_model)}",
        f"guessing among {tokens:,} tokens costs {math.log(tokens):.3f} nats a token, "
        f"a perplexity of {tokens:,}",
    ]
