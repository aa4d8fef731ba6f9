"""When a run chooses the size of its model, and what it has to be so that it can be forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from textgen_core.config.sources import DEFAULT_RECIPE, Layer
from textgen_core.errors import ConfigurationError

if TYPE_CHECKING:
    from textgen_core.config.resolve import Configuration

# "in long runs": where the recipe's own size may be too small, and nobody has named a model.
SizeChoice = Literal["never", "in long runs", "always"]
AUTO_MODEL = "auto"  # in place of a model's name: the recipe's, of a size that suits the text


def without_auto(arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Return the arguments of `run` without `--model auto`, and whether it was among them."""
    model = arguments.get("model")
    if not isinstance(model, str) or model != AUTO_MODEL:
        return arguments, False
    return {name: each for name, each in arguments.items() if name != "model"}, True


def size_choice(
    configuration: Configuration,
    layers: Sequence[Layer],
    *,
    is_asked: bool,
    begins_with_another: bool,
) -> SizeChoice:
    """Return when a run chooses its size.

    Args:
        configuration: what was made of all layers.
        layers: those above the recipe.
        is_asked: whether it is to choose.
        begins_with_another: whether its model is that of another run.

    Raises:
        ConfigurationError: it is to choose, and cannot.
    """
    if is_asked:
        _check_auto(configuration, begins_with_another=begins_with_another)
        return "always"
    training = configuration.training
    can_be_forecast = training.minutes is not None and training.counts
    names_model = begins_with_another or any("model" in layer.table for layer in layers)
    if configuration.recipe == DEFAULT_RECIPE and can_be_forecast and not names_model:
        return "in long runs"
    return "never"


def _check_auto(configuration: Configuration, *, begins_with_another: bool) -> None:
    if begins_with_another:
        raise ConfigurationError(
            "--model auto cannot be used with --from: the model is that of the other run.",
            "Allowed with --from: no --model.",
        )
    if configuration.recipe != DEFAULT_RECIPE:
        raise ConfigurationError(
            f"--model auto cannot be used with the recipe {configuration.recipe}.",
            f"Allowed: with the recipe {DEFAULT_RECIPE}.",
        )
    check_forecast(configuration, "--model auto")


def check_forecast(configuration: Configuration, what: str) -> None:
    """Raise ConfigurationError unless it can be forecast what a run of the recipe comes to.

    what: what needs the forecast, as the message begins.
    """
    training = configuration.training
    if training.minutes is None:
        raise ConfigurationError(
            f"{what} goes by the time, and this run has {training.clock}.",
            "Allowed: minutes, such as --minutes 3.",
        )
    if not training.counts:
        raise ConfigurationError(
            f"{what} forecasts what a network adds to counts, and training.counts is 0.",
            "Allowed: training.counts from 1.",
        )
