"""Configurations near the recipe, or near a better one: what a search tries at first.

A recipe is a good place already, and in a space of many dimensions most of what is drawn from all
of it is worse. So each dimension stays where the best so far has it, or moves by a chance that
prefers what is near.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from textgen_core.config.ranges import Dimension, Value
from textgen_core.config.space import Space
from textgen_core.pipeline.search.journal import Entry
from textgen_core.pipeline.search.records import RECIPE
from textgen_core.pipeline.search.study import Study
from textgen_core.registry.parsing import is_none
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_json, read_toml

_STAYS = 0.5  # how probably a dimension stays
_SIZE = "vocabulary_size"
_SPREAD = 0.25  # standard deviation of a move, as a share of what lies between the ends


def values_of_recipe(study: Study, entries: Sequence[Entry]) -> dict[str, Any]:
    """Return where the recipe lies in the space, by what its full run was trained with.

    A dimension in which it lies outside is left out; all of them if its components are none of the
    space's, or that is not known yet.
    """
    full = [each for each in entries if each.configuration == RECIPE and each.score is not None]
    run = study.directory_of(full[0]) if full else None
    if run is None or not is_there(run.configuration):
        return {}
    table, space = read_toml(run.configuration), study.request.space
    tokenizer = table.get("tokenizer", {})
    chosen_by_text = _SIZE in tokenizer and is_none(tokenizer[_SIZE])
    if chosen_by_text and is_there(run.manifest):
        tokenizer[_SIZE] = read_json(run.manifest).get("model", {}).get(_SIZE)
    values: dict[str, Any] = {}
    for slot in space.slots:
        own = table.get(slot.kind, {})
        named = [each for each in slot.candidates if each.component == own.get("name")]
        if not named:
            return {}
        if slot.choice is not None:
            values[slot.key] = named[0].name
        values |= {each.key: own.get(each.option) for each in named[0].dimensions}
    for each in space.varied:
        section, _, key = each.key.partition(".")
        values[each.key] = table.get(section, {}).get(key)
    placed = {key: _placed(study.dimensions[key], value) for key, value in values.items()}
    return {key: value for key, value in placed.items() if value is not None}


def lies_within(space: Space, values: Mapping[str, Any]) -> bool:
    """Return whether values of the recipe are there for all that varies."""
    if any(each.key not in values for each in space.choices):
        return False
    return all(each.key in values for each in space.dimensions_of(values))


def _placed(dimension: Dimension, value: Any) -> Any:
    """Return a value as the nearest of a dimension; None if it is no value of it."""
    if dimension.choices:
        return value if value in dimension.choices else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    assert dimension.low is not None and dimension.high is not None
    return min(max(value, dimension.low), dimension.high)


def draw_near(space: Space, center: Mapping[str, Any], drawn: random.Random) -> dict[str, Any]:
    """Return values of a configuration near another, which differ from it in one at least.

    center: its values, by the keys of the dimensions in which it lies; the others are drawn from
    all that they may be.
    """
    while True:
        chosen = {each.key: _near(each, center, drawn) for each in space.choices}
        rest = {each.key: _near(each, center, drawn) for each in space.dimensions_of(chosen)}
        values = {**chosen, **rest}
        if any(center.get(key) != value for key, value in values.items()):
            return values


def _near(dimension: Dimension, center: Mapping[str, Any], drawn: random.Random) -> Value:
    if dimension.key not in center:
        return _at(dimension, drawn.random())
    value: Value = center[dimension.key]
    if drawn.random() < _STAYS:
        return value
    if dimension.choices:
        return drawn.choice([each for each in dimension.choices if each != value])
    place = _place(dimension, float(value))
    while not 0 <= (moved := drawn.gauss(place, _SPREAD)) <= 1:
        pass
    return _at(dimension, moved)


def _at(dimension: Dimension, place: float) -> Value:
    """Return the value at a place from 0 to 1; among choices below 1."""
    if choices := dimension.choices:
        return choices[int(place * len(choices))]
    low, high = _scaled(dimension)
    value = low + place * (high - low)
    value = math.exp(value) if dimension.log else value
    assert dimension.low is not None and dimension.high is not None
    value = min(max(value, dimension.low), dimension.high)  # what rounding led beyond them
    return round(value) if dimension.whole else value


def _place(dimension: Dimension, value: float) -> float:
    low, high = _scaled(dimension)
    return ((math.log(value) if dimension.log else value) - low) / (high - low)


def _scaled(dimension: Dimension) -> tuple[float, float]:
    assert dimension.low is not None and dimension.high is not None
    if dimension.log:
        return math.log(dimension.low), math.log(dimension.high)
    return float(dimension.low), float(dimension.high)
