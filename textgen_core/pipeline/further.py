"""How much further than planned a run is trained, and what that makes of its settings."""

from __future__ import annotations

import math
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.config.settings import CLOCKS
from textgen_core.errors import UsageError
from textgen_core.pipeline.fitting import passes_of
from textgen_core.pipeline.preparing import Prepared
from textgen_core.training.state import TrainingState


@attrs.frozen(kw_only=True)
class More:
    """How much further than planned a run is to be trained: by one of them, or by none."""

    epochs: int | None = None
    steps: int | None = None
    minutes: float | None = None

    def __attrs_post_init__(self) -> None:
        given = {clock: getattr(self, clock) for clock in CLOCKS}
        given = {clock: number for clock, number in given.items() if number is not None}
        if len(given) > 1:
            first, *others = given
            raise UsageError(
                f"Both {first} and {' and '.join(others)} are given.",
                f"Allowed: one of {', '.join(CLOCKS)}.",
            )
        for clock, number in given.items():
            if not number > 0:
                raise UsageError(
                    f"A run cannot be trained {number:g} {clock} further.",
                    f"Allowed: a positive number of {clock}.",
                )

    @property
    def asked(self) -> bool:
        """Whether anything is to be added to the plan."""
        return any(getattr(self, clock) is not None for clock in CLOCKS)

    def added_to(self, configuration: Configuration) -> Configuration:
        """Return the configuration of a run that has not begun, with what is asked for as plan."""
        if not self.asked:
            return configuration
        asked = {clock: getattr(self, clock) for clock in CLOCKS}
        plan = attrs.evolve(configuration.training, **asked)
        return attrs.evolve(configuration, training=plan)


def extended(
    configuration: Configuration, more: More, state: TrainingState, prepared: Prepared
) -> Configuration:
    """Return the configuration with more of its clock than was trained so far."""
    training = configuration.training
    plan: dict[str, Any] = dict.fromkeys(CLOCKS)
    if more.minutes is not None:
        plan |= {"minutes": state.seconds / 60 + more.minutes, "most_passes": None}
    elif more.steps is not None:
        plan["steps"] = state.step + more.steps
    else:
        trained = math.ceil(passes_of(state.step, training, prepared.batches))
        plan["epochs"] = trained + (more.epochs or 0)
    return attrs.evolve(configuration, training=attrs.evolve(training, **plan))
