"""When a run chooses the size of its model, and what it has to be so that it can be forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from textgen_core.config.sources import DEFAULT_RECIPE, SIZE, Layer
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
        layers: those above the recipe, the lowest first.
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
    if begins_with_another or configuration.recipe != DEFAULT_RECIPE or not can_be_forecast:
        return "never"
    for layer in reversed(layers):
        if SIZE in layer.table:  # a run.toml that was written before it was chosen
            return configuration.chooses_size
        if _names_model(layer):
            return "never"
    return "in long runs"


def read_size_choice(layers: Sequence[Layer]) -> SizeChoice:
    """Return what the highest layer says that has the key; raises ConfigurationError if wrong."""
    for layer in reversed(layers):
        if SIZE in layer.table:
            value: Any = layer.table[SIZE]
            if value not in get_args(SizeChoice):
                problem = f"{SIZE} cannot be {value!r} ({layer.place_of(SIZE)})."
                raise ConfigurationError(problem, f"Allowed: {', '.join(get_args(SizeChoice))}.")
            found: SizeChoice = value
            return found
    return "never"


def _names_model(layer: Layer) -> bool:
    """Return whether a layer chooses the model, or options of the one that the recipe chooses."""
    tables = layer.table.get("for", {})
    return "model" in layer.table or any("model" in table for table in tables.values())


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
