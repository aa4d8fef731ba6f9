"""What a run chooses once its text is known: a size of model, and what its recipe's rules say."""

from __future__ import annotations

import attrs

from textgen_core.config.fit import apply_rules
from textgen_core.config.resolve import Configuration
from textgen_core.config.settings import TrainingSettings
from textgen_core.config.sources import NO_RECIPE
from textgen_core.data.batches import Batches
from textgen_core.formatting import format_duration
from textgen_core.models.speed import estimate_tokens_per_second
from textgen_core.pipeline.planning.auto import choose_size
from textgen_core.pipeline.preparing import Prepared, build_model
from textgen_core.pipeline.splitting import PhaseProgress
from textgen_core.registry.specs import format_value, plain_options
from textgen_core.training.state import TrainingState

_WORTH_SAYING = 0.02  # of a run's time, that is left


@attrs.frozen
class Expected:
    """What a run is to its rules.

    passes: how often it passes through its training text. weights_per_token: of its model, as it is
    before any rule, and that text; 1 where nothing depends on it.
    """

    passes: float
    weights_per_token: float = 1.0


@attrs.frozen(kw_only=True)
class Settled:
    """A configuration that its text has settled.

    unfitted: with its size of model, and its rules. fitted: what they make of it, by what was
    expected. size, rules: a line on either; empty where nothing was to be chosen.
    """

    unfitted: Configuration
    fitted: Configuration
    expected: Expected = Expected(0.0)
    size: str = ""
    rules: str = ""


def settle(
    configuration: Configuration,
    prepared: Prepared,
    progress: PhaseProgress,
    expected: Expected | None = None,
) -> Settled:
    """Return what the size of a run's model and its rules are for its text.

    expected: what the run is, where that is known better than `expect` knows it. Raises
    PluginFailure if the model cannot be built.
    """
    if not configuration.fit and configuration.chooses_size == "never":
        return Settled(unfitted=configuration, fitted=configuration)
    size = ""
    expected = expected or expect(configuration, prepared)
    if chosen := choose_size(configuration, prepared, expected.passes, progress):
        configuration, size = chosen.configuration, chosen.line
        expected = Expected(chosen.passes, chosen.weights_per_token)
    configuration = attrs.evolve(configuration, chooses_size="never")
    fitted, rules = fit(configuration, expected)
    return Settled(unfitted=configuration, fitted=fitted, expected=expected, size=size, rules=rules)


def fit(configuration: Configuration, expected: Expected) -> tuple[Configuration, str]:
    """Return the configuration that the rules make of one, and a line that says what they chose."""
    fitted = apply_rules(configuration, expected.passes, expected.weights_per_token)
    return fitted, format_fit(configuration, fitted, expected.passes)


def expect(configuration: Configuration, prepared: Prepared) -> Expected:
    """Return what a run is to its rules, with its model as it is before any of them.

    The passes of a run of minutes are estimated. Raises PluginFailure if the model cannot be built.
    """
    training, weights, speed = configuration.training, 1.0, 0.0
    is_timed = training.clock == "minutes"
    if is_timed or any(rule.weights_per_token for rule in configuration.fit):
        tokens = len(prepared.token_files["train"].token_ids)
        with configuration.model.errors():
            language_model = build_model(configuration, prepared.tokenizer)
            weights = language_model.model.count_params() / tokens
            if is_timed:
                speed = estimate_tokens_per_second(language_model, training.batch_size) / tokens
    if training.clock == "epochs":
        return Expected(float(training.epochs or 0), weights)
    if training.clock == "steps":
        steps = int(training.steps or 0)
        return Expected(passes_of(steps, training, prepared.batches), weights)
    return Expected(60 * (training.minutes or 0) * speed, weights)


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
