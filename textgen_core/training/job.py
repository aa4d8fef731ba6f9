"""What training is made of: the job, who follows it, and where it begins and ends.

This module knows nothing about how a step is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from textgen_core.config.settings import TrainingSettings
from textgen_core.data.batches import Batches
from textgen_core.models.language_model import LanguageModel
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.callbacks import Callback
from textgen_core.training.plan import Plan
from textgen_core.training.state import TrainingState
from textgen_core.training.step import TrainingStep

UNKNOWN_STEP = 10**9  # the last step of a run on the clock, before its speed is known


@attrs.frozen(kw_only=True)
class Validation:
    """The figures of a validation: nats per token, its exponential, and bits per byte."""

    loss: float
    perplexity: float
    bits_per_byte: float


@attrs.frozen(kw_only=True)
class TrainingJob:
    """All that training needs.

    validate: returns the figures of the validation split, or None where there is none.
    write_sample: returns the fields of a row of samples.jsonl, without its step.
    """

    language_model: LanguageModel
    optimizer: Any
    step: TrainingStep
    batches: Batches
    settings: TrainingSettings
    run: RunDirectory
    validate: Callable[[], Validation | None]
    write_sample: Callable[[], Mapping[str, Any]]
    callback: Callback


def first_state(job: TrainingJob) -> TrainingState:
    """Return the state before the first step."""
    return TrainingState(plan=Plan(last_step=last_step_of(job)))


def last_step_of(job: TrainingJob) -> int:
    """Return the last step of a run of epochs; on the clock a bound that the plan replaces."""
    steps = planned_steps(job.settings, job.batches)
    return UNKNOWN_STEP if steps is None else steps


def planned_steps(settings: TrainingSettings, batches: Batches) -> int | None:
    """Return the steps of a run of epochs; None on the clock, where nobody knows yet."""
    if settings.epochs is None:
        return None
    return math.ceil(settings.epochs * batches.batches_per_epoch / settings.accumulate)


def precision_of(language_model: LanguageModel) -> str:
    """Return the precision of a model's arithmetic: "float32", "bfloat16" or "float16"."""
    return str(language_model.model.dtype_policy.name).removeprefix("mixed_")


def is_over(state: TrainingState, settings: TrainingSettings) -> bool:
    """Return whether training has reached its plan's end, or stops early."""
    if state.step >= state.plan.last_step:
        return True
    patience = settings.patience if settings.epochs is not None else None
    return patience is not None and state.epochs_without_gain >= patience
