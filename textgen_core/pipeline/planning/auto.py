"""`--model auto`: a run whose size of model is chosen once its text is known, as a plan would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen_core.errors import UsageError

if TYPE_CHECKING:
    from textgen_core.config.resolve import Configuration
    from textgen_core.pipeline.preparing import Prepared


def refuse_workers(configuration: Configuration) -> None:
    """Raise UsageError if a run of several workers is to choose the size of its model."""
    if configuration.chooses_size:
        raise UsageError(
            "Several workers cannot train --model auto: how fast they are is not known beforehand.",
            "Allowed with --model auto: one process.",
            "Ask first, and name the model: textgen plan CORPUS",
        )


def choose_size(configuration: Configuration, prepared: Prepared) -> tuple[Configuration, str]:
    """Return the configuration with the size of model that a plan recommends, and a line on it."""
    from textgen_core.pipeline.planning.planning import plan_prepared
    from textgen_core.pipeline.planning.sizes import SIZES, with_size
    from textgen_core.pipeline.planning.words import format_choice

    configurations = {size: with_size(configuration, size) for size in SIZES if size.is_offered}
    minutes = configuration.training.minutes
    assert minutes is not None  # as `config.auto` checks
    plan = plan_prepared(configurations, prepared, [minutes])
    chosen = configurations[plan.recommended(minutes).facts.size]
    return chosen, format_choice(plan, minutes)
