"""How fast a run on the clock goes, and which of its events the clock can pay for.

A step's time is followed with a fading mean. Of the events (validation, sample, checkpoint) the
first also compiles, so the later ones tell what an event costs. Everything here is plain numbers:
no clock is read. This module knows nothing about what a step or an event does.
"""

from __future__ import annotations

import math
import statistics

from textgen_core.training.plan import Plan, last_step_in_time

_MEASURED_AFTER = 4  # steps: compilation and the first, slow ones are left out of the speed
_EVENTS_SHARE = 1 / 3  # of a run on the clock, that validations and samples may take
_COMPILING_SHARE = 1 / 2  # of the first step's time, that the first event takes to compile
_GUESSED_SHARE = 1 / 60  # of such a run: the most that an event is taken for before the second


class Pace:
    """What was measured so far in a run of `seconds` in all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
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
        return min([*self._events, _GUESSED_SHARE * self._seconds])

    @property
    def last_event_seconds(self) -> float:
        """What has to be left for the event at the end, which compiles too if none came before."""
        if self._events:
            return self.event_seconds
        return self.event_seconds + _COMPILING_SHARE * self._first_step_seconds

    @property
    def pays_for_event(self) -> bool:
        """Whether another event leaves enough of the time for training, and for the last event."""
        return self._events_paid_for > 1

    @property
    def _events_paid_for(self) -> int:
        if len(self._events) < 2:  # what one costs is not known yet
            return 10
        return math.floor(_EVENTS_SHARE * self._seconds / self.event_seconds) - len(self._events)

    def plan_again(self, plan: Plan, step: int, seconds_left: float) -> Plan:
        """Return the plan that goes on from here and ends when the time does."""
        last = self.last_event_seconds
        if seconds_left <= last:
            return plan.replanned(step, step)
        if not self._step_seconds:
            return plan
        tenths_left = math.ceil(10 * (1.0 - plan.progress_at(step)))
        events = max(1, min(tenths_left, self._events_paid_for))
        usable = seconds_left - (events - 1) * self.event_seconds - last
        return plan.replanned(step, last_step_in_time(step, usable, self._step_seconds))
