"""How much further than planned a run is trained, and what that makes of its settings."""

from __future__ import annotations

import math

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.errors import UsageError
from textgen_core.pipeline.preparing import Prepared
from textgen_core.training.state import TrainingState


@attrs.frozen(kw_only=True)
class More:
    """How much further than planned a run is to be trained: one of the two, or neither."""

    epochs: int | None = None
    minutes: float | None = None

    def __attrs_post_init__(self) -> None:
        if self.epochs is not None and self.minutes is not None:
            raise UsageError("Both epochs and minutes are given.", "Allowed: one of the two.")
        if (self.epochs is not None and self.epochs < 1) or (
            self.minutes is not None and not self.minutes > 0
        ):
            raise UsageError("A run is trained further by a positive number of epochs or minutes.")

    @property
    def asked(self) -> bool:
        """Whether anything is to be added to the plan."""
        return self.epochs is not None or self.minutes is not None

    def added_to(self, configuration: Configuration) -> Configuration:
        """Return the configuration of a run that has not begun, with what is asked for as plan."""
        if not self.asked:
            return configuration
        plan = attrs.evolve(configuration.training, epochs=self.epochs, minutes=self.minutes)
        return attrs.evolve(configuration, training=plan)


def extended(
    configuration: Configuration, more: More, state: TrainingState, prepared: Prepared
) -> Configuration:
    """Return the configuration with more epochs or minutes than were trained so far."""
    training = configuration.training
    if more.minutes is not None:
        minutes = state.seconds / 60 + more.minutes
        extended = attrs.evolve(training, epochs=None, minutes=minutes, most_passes=None)
    else:
        per_epoch = prepared.batches.batches_per_epoch
        trained = math.ceil(state.step * training.accumulate / per_epoch)
        extended = attrs.evolve(training, epochs=trained + (more.epochs or 0), minutes=None)
    return attrs.evolve(configuration, training=extended)
