"""What a configuration has otherwise than its recipe: what was asked for, and what rules chose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.sources import FROM, NO_RECIPE
from textgen_core.errors import TextgenError
from textgen_core.registry import Registry

# What no recipe gives: its texts, and where the settings come from.
_OWN = ("recipe", FROM, "for", "corpus.files", "corpus.validation", "corpus.test")


def changes_from_recipe(configuration: Configuration, registry: Registry) -> list[dict[str, Any]]:
    """Return each setting that differs from the recipe, as it is and as the recipe has it.

    Returns:
        Tables of `setting`, such as `training.minutes` or `samplers`, `value` and `recipe`, which
        is None where the recipe has no such setting. None at all without a recipe that can be read.
    """
    if configuration.recipe == NO_RECIPE:
        return []
    try:
        plain = configure({}, registry, recipe=configuration.recipe)
        name = configuration.model.component.name
        same = plain
        if plain.model.component.qualified_name != configuration.model.component.qualified_name:
            same = configure({"model": name}, registry, recipe=configuration.recipe)
    except TextgenError:  # the recipe was a file, which is not there any more
        return []
    theirs = dict(_settings(same.as_table()))
    theirs["model.name"] = plain.model.name
    return [
        {"setting": setting, "value": value, "recipe": theirs.get(setting)}
        for setting, value in _settings(configuration.as_table())
        if setting not in _OWN and theirs.get(setting) != value
    ]


def _settings(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the settings of a run.toml, one by one; a chain of components is one."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", each) for key, each in value.items())
        else:
            yield name, value
