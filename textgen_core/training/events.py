"""When a validation, a sample and a checkpoint come, and how a time budget is divided.

They come at every tenth of a run and, but for a run of minutes, at every epoch. A run of steps
leaves out those that would take longer than a tenth of its steps, by what they are believed to
cost, so that they come alike on every machine. A run of minutes, of which a tenth is never far from
the end of an epoch, plans its last step by what its steps and events were measured to take, and
leaves out the events that would take more than a tenth of its time. Plain numbers: no clock is
read.
"""

from __future__ import annotations

import math
import statistics

from textgen_core.config.settings import TrainingSettings
from textgen_core.training.state import Plan, TrainingState, last_step_in_time

_REPLAN_SECONDS = 2.0  # between two plans of a run of minutes
_REPLAN_SHARE = 0.02  # of such a run, where that is less
UNLIMITED = 10**9  # steps of a run of minutes, as far as its first plan knows
EVENT_STEPS = 8.0  # that take as long as an event, where nothing better is known
_MEASURED_AFTER = 4  # steps: compilation and the first, slow ones are left out of the speed
_EVENTS_SHARE = 1 / 10  # of a time budget or of steps, that events may take, compilation left out
_COMPILING_SHARE = 0.7  # of the first step's time, that the first event takes to compile
_GUESSED_SHARE = 1 / 60  # of a time budget: what an event is taken for before steps are measured


class EventSchedule:
    """Says after which steps an event is due; `budget` is None but in a run of minutes.

    event_steps: how many steps take about as long as an event, which a run of minutes believes
    until two events were measured.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        batches_per_epoch: int,
        state: TrainingState,
        event_steps: float,
    ) -> None:
        self._accumulate = settings.accumulate
        self._batches_per_epoch = batches_per_epoch
        self._tenths = self._event_at = _tenths(state.plan, state.step)
        self._replanned_at = -math.inf
        self._tenths_apart, self._at_epochs = 1, True
        if settings.clock == "steps":
            first, last = state.plan.step, state.plan.last_step
            paid = events_in(last - first, event_steps)
            self._tenths_apart = math.ceil(10 / paid)
            self._at_epochs = paid >= 10 + self.epoch_of(last) - self.epoch_of(first)
        self.budget: TimeBudget | None = None
        if settings.minutes is not None:
            seconds = settings.minutes * 60
            most_steps = most_steps_of(settings, batches_per_epoch)
            left = seconds - state.seconds
            self.budget = TimeBudget(seconds, left, event_steps, most_steps)
            if not state.step:  # what has gone by went into compiling
                self.budget.compiling_took(state.seconds)

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
        if self.budget is None:
            apart = self._tenths_apart
            is_epoch = self._at_epochs and self.ends_epoch(step)
            return self._tenths // apart > before // apart or is_epoch
        is_due = self._tenths > before and self._tenths - self._event_at >= self._tenths_between()
        if is_due:
            self._event_at = self._tenths
        return is_due

    def _tenths_between(self) -> float:
        """Return how many tenths lie between two events, if those paid for are spread evenly."""
        assert self.budget is not None
        paid = self.budget.events_paid_for - 1  # one is the last
        return math.ceil((10 - self._tenths) / paid) if paid > 0 else math.inf

    def replanned(self, state: TrainingState) -> Plan:
        """Return the plan by what was measured so far; only a run of minutes has another then."""
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

    A step's time is followed with a fading mean. The first event also compiles, which has to be
    paid once in any case: so the later ones tell what an event costs. Until there are two, it is
    taken for as long as `event_steps` steps. seconds_left: of those of the run, which may go on
    after an interruption. most_steps: after which the run ends, whatever time is left.
    """

    def __init__(
        self,
        seconds: float,
        seconds_left: float | None = None,
        event_steps: float = EVENT_STEPS,
        most_steps: int = UNLIMITED,
    ) -> None:
        self.seconds = seconds
        self._most_steps = most_steps
        self._for_events = _EVENTS_SHARE * (seconds if seconds_left is None else seconds_left)
        self._event_steps = event_steps
        self._steps = 0
        self._first_step_seconds = 0.0
        self._step_seconds = 0.0
        self._events: list[float] = []

    def compiling_took(self, seconds: float) -> None:
        """Note how long it took to compile a step, before the first one."""
        self._first_step_seconds = seconds

    def step_took(self, seconds: float) -> None:
        """Note the time of a step."""
        self._steps += 1
        if self._steps == 1:
            self._first_step_seconds = max(seconds, self._first_step_seconds)
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
        guessed = self._event_steps * self._step_seconds or _GUESSED_SHARE * self.seconds
        return max(min([*self._events, guessed]), 1e-6)

    @property
    def last_event_seconds(self) -> float:
        """What has to be left for the event at the end, which compiles too if none came before."""
        if self._events:
            return self.event_seconds
        return self.event_seconds + _COMPILING_SHARE * self._first_step_seconds

    @property
    def events_paid_for(self) -> int:
        """How many more events leave enough of the time for training; one is the last."""
        return math.floor(self._for_events / self.event_seconds) - len(self._events)

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
        last_step = last_step_in_time(step, usable, self._step_seconds)
        return plan.replanned(step, min(last_step, self._most_steps))


def most_steps_of(settings: TrainingSettings, batches_per_epoch: int) -> int:
    """Return the last step of a run; of minutes the one that its plan may not pass."""
    if settings.clock == "steps":
        return int(settings.steps or 0)
    passes = settings.epochs if settings.clock == "epochs" else settings.most_passes
    if passes is None:
        return UNLIMITED
    return math.ceil(min(UNLIMITED, passes * batches_per_epoch / settings.accumulate))


def events_in(steps: int, event_steps: float) -> int:
    """Return how many events so many steps pay for with a tenth of them, the last one included."""
    return max(1, math.floor(_EVENTS_SHARE * steps / max(event_steps, 1e-6)))


def steps_in(seconds: float, step_seconds: float, event_steps: float) -> int:
    """Return how many steps fit into a time together with the events that a run of them has."""
    fitting = seconds / max(step_seconds, 1e-6)
    events = min(10, events_in(int(fitting), event_steps)) * event_steps
    return max(1, int(fitting - min(events, _EVENTS_SHARE * fitting)))


def _tenths(plan: Plan, step: int) -> int:
    return int(10 * plan.progress_at(step))
