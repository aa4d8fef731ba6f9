"""When a validation, a sample and a checkpoint come, and how a time budget is divided.

They come at every epoch and at every tenth of the run. A run of minutes plans its last step by what
its steps and events were measured to take, and leaves out the events that its budget cannot pay
for. Plain numbers: no clock is read.
"""

from __future__ import annotations

import math
import statistics

from textgen_core.config.settings import TrainingSettings
from textgen_core.training.state import Plan, TrainingState, last_step_in_time

_REPLAN_SECONDS = 2.0  # between two plans of a run of minutes
_REPLAN_SHARE = 0.02  # of such a run, where that is less
_MEASURED_AFTER = 4  # steps: compilation and the first, slow ones are left out of the speed
_EVENTS_SHARE = 1 / 3  # of a time budget, that validations and samples may take
_COMPILING_SHARE = 1 / 2  # of the first step's time, that the first event takes to compile
_GUESSED_SHARE = 1 / 60  # of a time budget: the most that an event is taken for before the second


class EventSchedule:
    """Says after which steps an event is due; `budget` is None in a run of epochs."""

    def __init__(
        self, settings: TrainingSettings, batches_per_epoch: int, state: TrainingState
    ) -> None:
        self._accumulate = settings.accumulate
        self._batches_per_epoch = batches_per_epoch
        self._tenths = _tenths(state.plan, state.step)
        self._replanned_at = -math.inf
        minutes = settings.minutes
        self.budget = None if minutes is None else TimeBudget(minutes * 60)

    def epoch_of(self, step: int) -> int:
        """Return how many epochs a step has completed."""
        return step * self._accumulate // self._batches_per_epoch

    def ends_epoch(self, step: int) -> bool:
        """Return whether an epoch ends with a step."""
        return self.epoch_of(step) > self.epoch_of(step - 1)

    def is_due(self, plan: Plan, step: int) -> bool:
        """Return whether an event follows a step; to be asked once, after every step."""
        if step >= plan.last_step:
            return True
        before, self._tenths = self._tenths, _tenths(plan, step)
        # In a run of minutes, epochs shorter than a tenth of it get no event each.
        short = self.budget is not None and self._batches_per_epoch * 10 < plan.last_step
        if self._tenths <= before and (short or not self.ends_epoch(step)):
            return False
        return self.budget is None or self.budget.events_paid_for > 1

    def replanned(self, state: TrainingState) -> Plan:
        """Return the plan by what was measured so far; a run of epochs keeps its own."""
        budget = self.budget
        if budget is None:
            return state.plan
        left = budget.seconds - state.seconds
        pause = min(_REPLAN_SECONDS, _REPLAN_SHARE * budget.seconds)
        if state.seconds - self._replanned_at <= pause and left > budget.last_event_seconds:
            return state.plan
        self._replanned_at = state.seconds
        return budget.plan_again(state.plan, state.step, left)


class TimeBudget:
    """What the steps and events of a run of `seconds` in all were measured to take.

    A step's time is followed with a fading mean. The first event also compiles, so the later ones
    tell what an event costs.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._steps = 0
        self._first_step_seconds = 0.0
        self._step_seconds = 0.0
        self._events: list[float] = []

    def step_took(self, seconds: float) -> None:
        """Note the time of a step."""
        self._steps += 1
        if self._steps == 1:
            self._first_step_seconds = seconds
        if self._steps >= _MEASURED_AFTER:
            known = self._step_seconds
            self._step_seconds = 0.95 * known + 0.05 * seconds if known else seconds

    def event_took(self, seconds: float) -> None:
        """Note the time of an event."""
        self._events.append(seconds)

    @property
    def event_seconds(self) -> float:
        """What an event is expected to take; the first one's compilation is left out."""
        if len(self._events) > 1:
            return max(statistics.fmean(self._events[1:]), 1e-6)
        return min([*self._events, _GUESSED_SHARE * self.seconds])

    @property
    def last_event_seconds(self) -> float:
        """What has to be left for the event at the end, which compiles too if none came before."""
        if self._events:
            return self.event_seconds
        return self.event_seconds + _COMPILING_SHARE * self._first_step_seconds

    @property
    def events_paid_for(self) -> int:
        """How many more events leave enough of the time for training; one is the last."""
        if len(self._events) < 2:  # what one costs is not known yet
            return 10
        return math.floor(_EVENTS_SHARE * self.seconds / self.event_seconds) - len(self._events)

    def plan_again(self, plan: Plan, step: int, seconds_left: float) -> Plan:
        """Return the plan that goes on from here and ends when the time does."""
        last = self.last_event_seconds
        if seconds_left <= last:
            return plan.replanned(step, step)
        if not self._step_seconds:
            return plan
        tenths_left = math.ceil(10 * (1.0 - plan.progress_at(step)))
        events = max(1, min(tenths_left, self.events_paid_for))
        usable = seconds_left - (events - 1) * self.event_seconds - last
        return plan.replanned(step, last_step_in_time(step, usable, self._step_seconds))


def _tenths(plan: Plan, step: int) -> int:
    return int(10 * plan.progress_at(step))
