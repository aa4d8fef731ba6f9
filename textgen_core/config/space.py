"""What a search may choose from: components, and ranges of their options and of settings.

A space is plain values. `space_reading` makes it of specs with ranges, and how it is searched is
not known here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from textgen_core.config.ranges import Dimension, Value, dimension_from

_OPTIONS, _VARIED = "options", "vary"


@attrs.frozen(kw_only=True)
class Candidate:
    """A component that may be chosen, with what is fixed of it and what varies.

    name: what a study calls it, distinct among the candidates of its slot. component: the name that
    finds the component.
    """

    name: str
    component: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    dimensions: tuple[Dimension, ...] = ()


@attrs.frozen(kw_only=True)
class Slot:
    """A place for a component: `model`, `tokenizer`, or a link of a chain of samplers."""

    key: str
    kind: str
    candidates: tuple[Candidate, ...]

    @property
    def choice(self) -> Dimension | None:
        """The choice between the candidates, if there are several."""
        names = tuple(each.name for each in self.candidates)
        return Dimension(key=self.key, choices=names) if len(names) > 1 else None

    def chosen(self, values: Mapping[str, Any]) -> Candidate:
        """Return the candidate that some values choose."""
        if self.choice is None:
            return self.candidates[0]
        return next(each for each in self.candidates if each.name == values[self.key])


@attrs.frozen(kw_only=True)
class Space:
    """Slots for components, and settings: what varies of them, and what is fixed.

    settings: those with one value, such as `training.batch_size`. varied: the dimensions of the
    others. notes: what was left out, as sentences.
    """

    slots: tuple[Slot, ...] = ()
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    varied: tuple[Dimension, ...] = ()
    notes: tuple[str, ...] = attrs.field(default=(), eq=False)

    @property
    def choices(self) -> tuple[Dimension, ...]:
        """The choices between components: what `dimensions_of` is asked with."""
        return tuple(each.choice for each in self.slots if each.choice is not None)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Everything that varies; an option only where its component is chosen."""
        options = (
            each for slot in self.slots for one in slot.candidates for each in one.dimensions
        )
        return (*self.choices, *options, *self.varied)

    @property
    def count(self) -> float:
        """How many configurations there are; infinite if anything lies between two ends."""
        per_slot = (
            sum(math.prod(each.count for each in one.dimensions) for one in slot.candidates)
            for slot in self.slots
        )
        return math.prod([*per_slot, *(each.count for each in self.varied)])

    def dimensions_of(self, chosen: Mapping[str, Any]) -> tuple[Dimension, ...]:
        """Return what varies, beside the choices, once components are chosen.

        chosen: a value for the key of each of `choices`.
        """
        options = (each for slot in self.slots for each in slot.chosen(chosen).dimensions)
        return (*options, *self.varied)

    def arguments(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments and the settings that `configure` is given for some values.

        values: by the keys of `choices` and of their `dimensions_of`.
        """
        arguments: dict[str, Any] = {}
        for slot in self.slots:
            one = slot.chosen(values)
            varied = {each.option: values[each.key] for each in one.dimensions}
            table = {"name": one.component, **one.options, **varied}
            if slot.kind == "sampler":  # a chain
                arguments.setdefault(slot.kind, []).append(table)
            else:
                arguments[slot.kind] = table
        return arguments, {**self.settings, **{each.key: values[each.key] for each in self.varied}}

    def as_table(self) -> dict[str, Any]:
        """Return the table that study.toml holds."""
        slots = {
            each.key: [_candidate_table(one) for one in each.candidates] for each in self.slots
        }
        varied = {each.key: each.as_table() for each in self.varied}
        table = {**slots, "settings": dict(self.settings), _VARIED: varied}
        return {key: value for key, value in table.items() if value}


def from_table(table: Mapping[str, Any]) -> Space:
    """Return the space of what `as_table` returned.

    Raises KeyError, TypeError, ValueError or AttributeError if that is damaged.
    """
    keys = [key for key in table if key not in ("settings", _VARIED)]
    return Space(
        slots=tuple(_read_slot(key, table[key]) for key in keys),
        settings=table.get("settings", {}),
        varied=tuple(dimension_from(key, "", each) for key, each in table.get(_VARIED, {}).items()),
    )


def describe_space(space: Space) -> Iterator[tuple[str, str]]:
    """Yield what varies: the key of each, and its values as `0.001..0.02 (log)`."""
    for each in space.dimensions:
        yield each.key, f"{each} (log)" if each.log else str(each)


def _candidate_table(one: Candidate) -> dict[str, Any]:
    table = {
        "name": one.component,
        "called": one.name if one.name != one.component else "",
        _OPTIONS: dict(one.options),
        _VARIED: {each.option: each.as_table() for each in one.dimensions},
    }
    return {key: value for key, value in table.items() if value}


def _read_slot(key: str, tables: Sequence[Mapping[str, Any]]) -> Slot:
    candidates = tuple(_read_candidate(key, each) for each in tables)
    if not candidates:
        raise ValueError(f"{key} has no candidates")
    return Slot(key=key, kind=key.partition("_")[0], candidates=candidates)


def _read_candidate(slot: str, table: Mapping[str, Any]) -> Candidate:
    name = table.get("called", table["name"])
    return Candidate(
        name=name,
        component=table["name"],
        options=table.get(_OPTIONS, {}),
        dimensions=tuple(
            dimension_from(f"{slot}.{name}.{option}", f"{slot}/{name}", each)
            for option, each in table.get(_VARIED, {}).items()
        ),
    )


__all__ = ["Candidate", "Dimension", "Slot", "Space", "Value", "describe_space", "from_table"]
