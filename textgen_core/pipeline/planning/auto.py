"""A run whose size of model is chosen once its text is known, as a plan would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from textgen_core.errors import UsageError

if TYPE_CHECKING:
    from textgen_core.config.resolve import Configuration
    from textgen_core.pipeline.preparing import Prepared
    from textgen_core.pipeline.splitting import PhaseProgress

# Tokens that the recipe's own model reads in the minutes of a run, as they are estimated: with
# fewer no larger size was better by what is worth leaving it for.
LONG = 3e6


@attrs.frozen(kw_only=True)
class ChosenSize:
    """A run with its size of model: its passes, weights for each token, a line on the choice."""

    configuration: Configuration
    passes: float
    weights_per_token: float
    line: str


def for_workers(configuration: Configuration) -> Configuration:
    """Return the configuration that several workers train, with the recipe's own size of model.

    Raises UsageError if it is to be chosen.
    """
    if configuration.chooses_size == "always":
        raise UsageError(
            "Several workers cannot train --model auto: how fast they are is not known beforehand.",
            "Allowed with --model auto: one process.",
            "Ask first, and name the model: textgen plan CORPUS",
        )
    return attrs.evolve(configuration, chooses_size="never")


def choose_size(
    configuration: Configuration,
    prepared: Prepared,
    passes: float,
    progress: PhaseProgress = lambda *_: None,
) -> ChosenSize | None:
    """Return the size of model that a plan recommends for a run; None where nothing is chosen.

    passes: how many the recipe's own model is expected to make. Raises CorpusError if it is to be
    chosen whatever the text is, and there is too little of it.
    """
    tokens = len(prepared.token_files["train"].token_ids)
    is_asked = configuration.chooses_size == "always"
    is_long = configuration.chooses_size == "in long runs" and passes * tokens >= LONG
    if not is_asked and not is_long:
        return None
    from textgen_core.pipeline.planning.measuring import can_be_forecast  # which few runs need
    from textgen_core.pipeline.planning.planning import plan_prepared
    from textgen_core.pipeline.planning.sizes import LARGE, MEDIUM, SIZES, with_size
    from textgen_core.pipeline.planning.words import format_choice

    if not is_asked and not can_be_forecast(prepared):
        return None
    sizes = [size for size in SIZES if size.is_offered] if is_asked else [MEDIUM, LARGE]
    configurations = {size: with_size(configuration, size) for size in sizes}
    minutes = configuration.training.minutes
    assert minutes is not None  # as `config.auto` checks
    plan = plan_prepared(configurations, prepared, [minutes], progress, in_full=False)
    chosen = plan.recommended(minutes)
    pace = chosen.facts.pace
    return ChosenSize(
        configuration=configurations[chosen.facts.size],
        passes=pace.steps(minutes) * pace.step_tokens / tokens,
        weights_per_token=chosen.facts.parameters / tokens,
        line=format_choice(plan, minutes),
    )
