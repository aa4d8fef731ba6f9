"""What training has to remember between two steps, and what its validations mean for it.

A run of epochs or steps knows its last step from the start. A run of minutes plans it from the
measured speed and corrects the plan as it goes, so that it ends on time and at the schedule's end.
Early stopping and the plateau count validations at the end of an epoch. All of it is plain numbers,
as state.json holds them; no clock is read.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs

from textgen_core.errors import RunDirectoryError

PLATEAU_FACTOR = 0.5
_LARGEST = 1e18
_HIGHEST = {"best_loss": math.inf, "best_epoch_loss": math.inf, "progress": 1, "rate_factor": 1}


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


@attrs.frozen(kw_only=True)
class TrainingState:
    """Where training stands after `step` updates.

    seconds: the time spent in training so far, over all sessions. unlogged_loss, unlogged_tokens:
    sums over the steps since the last row of metrics.jsonl, so that a resumed run writes the row
    that an uninterrupted one would. epochs_without_gain: validations at an epoch's end since the
    best. rate_factor: what plateau and halving have made of the rate. scheduled_from: the step at
    which the schedule began, later than 0 in a run that was trained further than planned.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    unlogged_loss: float = 0.0
    unlogged_tokens: int = 0
    plan: Plan
    best_loss: float = math.inf
    best_step: int = 0
    best_epoch_loss: float = math.inf
    epochs_without_gain: int = 0
    rate_factor: float = 1.0
    scheduled_from: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any], path: Path = Path("state.json")) -> TrainingState:
        """Return the state of plain values; raises RunDirectoryError if they are damaged.

        path: what the error calls the file.
        """
        try:
            plan = Plan(**values["plan"])
            infinite = {
                key: math.inf for key in ("best_loss", "best_epoch_loss") if values.get(key) is None
            }
            state = cls(**{**values, **infinite, "plan": plan})
            _check_numbers(plan)
            _check_numbers(state)
            for name in ("best_step", "scheduled_from"):
                if getattr(state, name) > state.step:
                    raise ValueError(f"{name} is after step {state.step}")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RunDirectoryError(f"{path} is damaged: {error}.") from error
        return state

    def with_fresh_plan(self, last_step: int) -> TrainingState:
        """Return the state of a run that is trained further: its schedule starts over here."""
        return attrs.evolve(
            self,
            plan=Plan(step=self.step, progress=0.0, last_step=last_step),
            epochs_without_gain=0,
            rate_factor=1.0,
            scheduled_from=self.step,
        )

    def validated(self, loss: float) -> TrainingState:
        """Return the state after a validation."""
        if loss < self.best_loss:
            return attrs.evolve(self, best_loss=loss, best_step=self.step)
        return self

    def epoch_validated(self, loss: float, *, plateau: bool) -> TrainingState:
        """Return the state after the validation at an epoch's end."""
        if loss < self.best_epoch_loss:
            return attrs.evolve(self, best_epoch_loss=loss, epochs_without_gain=0)
        factor = self.rate_factor * (PLATEAU_FACTOR if plateau else 1.0)
        return attrs.evolve(
            self, epochs_without_gain=self.epochs_without_gain + 1, rate_factor=factor
        )


def _check_numbers(values: Plan | TrainingState) -> None:
    """Raise TypeError or ValueError unless every field holds a number that it can have."""
    for field in attrs.fields(type(values)):
        value = getattr(values, field.name)
        allowed = {"int": (int,), "float": (int, float)}.get(str(field.type), (Plan,))
        if isinstance(value, bool) or not isinstance(value, allowed):
            raise TypeError(f"{field.name} is {value!r}"[:80])
        # No number is negative, and only a best loss may be infinite, where there is none yet.
        highest = _HIGHEST.get(field.name, _LARGEST)
        if not isinstance(value, Plan) and not 0 <= value <= highest:
            raise ValueError(f"{field.name} cannot be {value!r}"[:80])
