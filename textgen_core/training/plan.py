"""When training ends, and how much of it is done: counted in steps, or planned from the clock.

A run of epochs knows its last step from the start. A run of minutes plans its last step from the
measured speed and corrects the plan as it goes, so that it ends on time and at the schedule's end.
Everything here is plain numbers, which a checkpoint holds; no clock is read.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Plan:
    """A straight line of progress: from `progress` at `step` to 1 at `last_step`."""

    last_step: int
    step: int = 0
    progress: float = 0.0

    def progress_at(self, step: int) -> float:
        """Return how much of the training is done before a step, from 0 to 1.

        A plan does not look back: before its own step it says what it began with.
        """
        if step >= self.last_step:
            return 1.0
        if step <= self.step:
            return self.progress
        share = (step - self.step) / (self.last_step - self.step)
        return min(1.0, self.progress + (1.0 - self.progress) * share)

    def replanned(self, step: int, last_step: int) -> Plan:
        """Return the plan that goes on from here to another last step, without a jump."""
        return Plan(last_step=max(last_step, step), step=step, progress=self.progress_at(step))


def last_step_in_time(step: int, seconds_left: float, seconds_per_step: float) -> int:
    """Return the step to end at when this much time is left, at the measured speed."""
    return step + max(0, int(seconds_left / max(seconds_per_step, 1e-6)))
