"""What is asked of training, checked before it begins: can the model and the run do that?

This module knows nothing about how training goes on.
"""

from __future__ import annotations

from textgen_core.config.resolve import Configuration
from textgen_core.config.settings import TrainingSettings
from textgen_core.data.batches import Batches
from textgen_core.errors import ConfigurationError
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.job import planned_steps


def check_streams(configuration: Configuration, language_model: LanguageModel) -> None:
    """Raise ConfigurationError unless the model can carry a state from batch to batch."""
    name, length = configuration.model.name, configuration.data.sequence_length
    if not language_model.can_advance:
        raise ConfigurationError(
            f"data.batching cannot be stream with the model {name!r}: it offers no state to carry.",
            "Allowed with it: windows.",
        )
    capacity = language_model.state_capacity
    if capacity is not None and capacity < length:
        raise ConfigurationError(
            f"data.sequence_length cannot be {length} in streams with the model {name!r}: its "
            f"state holds {capacity} tokens.",
            f"Allowed: up to {capacity}.",
        )


def check_profile(settings: TrainingSettings, batches: Batches) -> None:
    """Raise ConfigurationError if the steps to be profiled come after the last one.

    On the clock, or where training stops early, that cannot be known beforehand.
    """
    last = planned_steps(settings, batches)
    if settings.profile is not None and last is not None and settings.profile[0] > last:
        raise ConfigurationError(
            f"training.profile cannot begin at step {settings.profile[0]}: the run has {last} "
            "steps.",
            f"Allowed: from 1 to {last}.",
        )
