"""How many steps of training fit into some minutes. Plain numbers: no clock is read."""

from __future__ import annotations

import math

import attrs

_EVENTS = 0.04  # of the time: validations, samples and checkpoints


@attrs.frozen(kw_only=True)
class Pace:
    """How fast a model is trained.

    step_seconds: of a step; step_tokens: of its batch. compiling: seconds before the first one.
    """

    step_seconds: float
    step_tokens: int
    compiling: float

    @property
    def tokens_per_second(self) -> float:
        """How many tokens a second are trained on."""
        return self.step_tokens / self.step_seconds

    def steps(self, minutes: float) -> int:
        """Return about how many steps a run of some minutes makes: at least one."""
        seconds = (1 - _EVENTS) * 60 * minutes - self.compiling
        return max(1, math.floor(seconds / self.step_seconds))

    def seconds(self, steps: int) -> float:
        """Return about how long a training of some steps takes."""
        return (steps * self.step_seconds + self.compiling) / (1 - _EVENTS)
