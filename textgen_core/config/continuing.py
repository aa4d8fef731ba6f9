"""What a run takes from the run that it begins with, and which settings would contradict that.

Tokenizer and model are taken as they are, and so are cleaning and batches. How fast and how long it
is trained, and how much of the network is dropped meanwhile, follows from the new text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textgen_core.config.resolve import Configuration
from textgen_core.config.sources import FROM_RUN, MANY, NO_RECIPE, ONE, Layer, recipe_names
from textgen_core.errors import ConfigurationError, Faults
from textgen_core.registry.specs import format_value

RATE_SHARE = 0.5  # of the learning rate that the weights were trained with at first
WARM_UP = 0.1
_CLEANING = ("unicode", "newlines", "control_characters", "spaces", "punctuation")
_TAKEN = {
    "corpus": (*_CLEANING, "letter_case", "repair"),
    "data": ("sequence_length", "stride", "batching", "stream_length"),
    "training": (
        *("batch_size", "optimizer", "average", "schedule", "halve_after", "label_smoothing"),
        *("clip_norm", "accumulate", "validation_tokens", "counts"),
    ),
    "evaluation": ("stride",),
}


def recipe_of(earlier: Configuration) -> str:
    """Return the recipe that a run lies over which begins with another: the other's, or none."""
    return earlier.recipe if earlier.recipe in recipe_names() else NO_RECIPE


def continuing_layer(earlier: Configuration, name: str) -> Layer:
    """Return the settings that a run takes from an earlier one.

    name: of the earlier run. Where its recipe has rules, these choose how much is dropped, anew.
    """
    table = earlier.as_table()
    taken: dict[str, Any] = {
        section: {key: table[section][key] for key in keys} for section, keys in _TAKEN.items()
    }
    rate = earlier.training.learning_rate * RATE_SHARE
    taken["training"] |= {"learning_rate": rate, "warm_up": WARM_UP}
    taken |= {each: table[each] for each in (*ONE, *MANY) if each != "trackers"}
    if recipe_of(earlier) != NO_RECIPE:
        taken["model"] = {key: value for key, value in table["model"].items() if not _drops(key)}
    return Layer(table={**taken, FROM_RUN: name}, place=f"the run {name}")


def check_same(configuration: Configuration, earlier: Configuration, name: str) -> None:
    """Raise ConfigurationError if a run has not the tokenizer and model that it begins with.

    name: of the earlier run. What is dropped in training may differ.
    """
    Faults(
        ConfigurationError(
            f"A run that begins with {name} cannot have another {kind}: {', '.join(different)}.",
            "Allowed: its own tokenizer and model, of which only dropout may be another.",
            "Leave these out; or leave out --from, to train from nothing.",
        )
        for kind in ONE
        if (different := list(_differences(getattr(configuration, kind), getattr(earlier, kind))))
    ).raise_any()


def _differences(given: Any, earlier: Any) -> Iterator[str]:
    if given.component.qualified_name != earlier.component.qualified_name:
        yield f"{given.name}, where its own is {earlier.name}"
        return
    options: Mapping[str, Any] = earlier.options
    for key, value in given.options.items():
        if value != options.get(key) and not _drops(key):
            theirs = format_value(options.get(key))
            yield f"{key}={format_value(value)}, where it has {theirs}"


def _drops(option: str) -> bool:
    return "dropout" in option
