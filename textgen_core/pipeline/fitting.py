"""How often a run will pass through its training text, and what its recipe chooses by that."""

from __future__ import annotations

from textgen_core.config.fit import apply_rules
from textgen_core.config.resolve import Configuration
from textgen_core.config.settings import TrainingSettings
from textgen_core.config.sources import NO_RECIPE
from textgen_core.data.batches import Batches
from textgen_core.formatting import format_duration
from textgen_core.models.speed import estimate_tokens_per_second
from textgen_core.pipeline.preparing import Prepared, build_model
from textgen_core.registry.specs import format_value, plain_options
from textgen_core.training.state import TrainingState

_WORTH_SAYING = 0.02  # of a run's time, that is left


def fit(configuration: Configuration, prepared: Prepared) -> tuple[Configuration, str]:
    """Return the configuration that the rules make of one, and a line that says what they chose."""
    passes = expected_passes(configuration, prepared)
    fitted = apply_rules(configuration, passes)
    return fitted, format_fit(configuration, fitted, passes)


def expected_passes(configuration: Configuration, prepared: Prepared) -> float:
    """Return how often the run will pass through its training text.

    For a run of minutes that is estimated, for its model as it is before any rule. Raises
    PluginFailure if it cannot be built.
    """
    training = configuration.training
    if training.clock == "epochs":
        return float(training.epochs or 0)
    if training.clock == "steps":
        return passes_of(int(training.steps or 0), training, prepared.batches)
    with configuration.model.errors():
        language_model = build_model(configuration, prepared.tokenizer)
    speed = estimate_tokens_per_second(language_model, training.batch_size)
    return 60 * (training.minutes or 0) * speed / len(prepared.token_files["train"].token_ids)


def passes_of(steps: int, training: TrainingSettings, batches: Batches) -> float:
    """Return how often so many steps pass through the training text."""
    return steps * training.accumulate / batches.batches_per_epoch


def format_fit(before: Configuration, after: Configuration, passes: float) -> str:
    """Return in a line how many passes there will be, and what was chosen by that."""
    chosen = [
        f"{name}={format_value(value)}"
        for old, new in (
            (before.model.options, after.model.options),
            (plain_options(before.training), plain_options(after.training)),
        )
        for name, value in new.items()
        if value != old[name]
    ]
    count = _passes(passes)
    minutes, most = after.training.minutes, after.training.most_passes
    if minutes is not None:
        count = f"about {count} fit into {format_duration(60 * minutes)}"
        if most is not None and most < passes:
            count += f", and training ends after {most:g}"
    source = f" (the recipe {after.recipe})" if after.recipe != NO_RECIPE else ""
    return f"{count}: {', '.join(chosen) or 'no rule applies'}{source}"


def format_most_passes(settings: TrainingSettings, state: TrainingState, last_step: int) -> str:
    """Return that a run of minutes ended before its time, with the reason; empty if it did not."""
    minutes, passes = settings.minutes, settings.most_passes
    if minutes is None or passes is None or state.step < last_step:
        return ""
    left = 60 * minutes - state.seconds
    if left < _WORTH_SAYING * 60 * minutes:
        return ""
    return (
        f"ended after {_passes(passes)} (training.most_passes), with {format_duration(left)} of "
        f"{format_duration(60 * minutes)} left"
    )


def _passes(number: float) -> str:
    shown = f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
    return f"{shown} {'pass' if shown == '1' else 'passes'} through the text"
