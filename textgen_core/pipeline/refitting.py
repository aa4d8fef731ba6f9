"""What a recipe's rules choose by the speed that a run was measured to have.

How many passes fit into its minutes is estimated while the model is built, from products alone, and
may be off by two. Its step has to be compiled in any case: then it is timed, and where the rules
choose otherwise by that, the model is built and compiled once more, unless its step stays as it is.
"""

from __future__ import annotations

import statistics

import attrs

from textgen_core.config.fit import apply_rules
from textgen_core.config.resolve import Configuration
from textgen_core.pipeline.fitting import Settled, format_fit, passes_of
from textgen_core.training.events import TimeBudget, most_steps_of
from textgen_core.training.job import TrainingJob, time_steps
from textgen_core.training.state import Plan

TIMED_STEPS = 5  # after the first one, which compiles
_MOST_COMPILING = 0.1  # of a run's time, that compiling once more may take
_NEARLY = (0.8, 1.0, 1.25)  # times the passes: what is right for one of these is left as it is
_IN_NO_STEP = ("learning_rate", "most_passes")  # a step is given its rate each time


@attrs.frozen
class StepTime:
    """Seconds of a first step, which compiles, and of those after it."""

    first: float
    step: float


def time_step(job: TrainingJob) -> StepTime:
    """Return how long the steps of a job take; it is left as it was, to the bit."""
    first, *others = time_steps(job, 1 + TIMED_STEPS)
    return StepTime(first, statistics.median(others))


def steps_in_time(job: TrainingJob, taken: StepTime) -> int:
    """Return the last step that a run of minutes will plan with such steps."""
    seconds = 60 * (job.settings.minutes or 0)
    most = most_steps_of(job.settings, job.batches.batches_per_epoch)
    budget = TimeBudget(seconds, event_steps=job.event_steps, most_steps=most)
    left = seconds
    for step, took in enumerate([taken.first, *[taken.step] * TIMED_STEPS], start=1):
        budget.step_took(took)
        left -= took
        if left <= budget.last_event_seconds:  # as where compiling takes most of the time
            return min(step, most)
    planned = budget.plan_again(Plan(last_step=most), step, left)
    return max(1, min(planned.last_step, most))


def refit(settled: Settled, job: TrainingJob, taken: StepTime) -> tuple[Configuration, str] | None:
    """Return what the rules choose by a measured speed, and a line that says so.

    None if that is what they chose before, or would be for a few passes more or fewer, or if it is
    not worth compiling once more.
    """
    seconds = 60 * (job.settings.minutes or 0)
    unlimited = attrs.evolve(job, settings=attrs.evolve(job.settings, most_passes=None))
    passes = passes_of(steps_in_time(unlimited, taken), job.settings, job.batches)
    unfitted, weights = settled.unfitted, settled.expected.weights_per_token
    if any(apply_rules(unfitted, passes * share, weights) == settled.fitted for share in _NEARLY):
        return None
    chosen = apply_rules(unfitted, passes, weights)
    if taken.first > _MOST_COMPILING * seconds and not have_one_step(settled.fitted, chosen):
        return None
    return chosen, f"as measured, {format_fit(unfitted, chosen, passes)}"


def have_one_step(one: Configuration, other: Configuration) -> bool:
    """Return whether a step compiled for one of two configurations is that of the other, too."""
    others = {name: getattr(other.training, name) for name in _IN_NO_STEP}
    return attrs.evolve(one, training=attrs.evolve(one.training, **others)) == other
