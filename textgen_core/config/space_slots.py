"""Slots of a space read from specs, and its dimensions from settings, with all faults collected.

What varies is checked against the declared options; whether what is fixed goes together is not
known here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from textgen_core.components import Option, options_of
from textgen_core.config.ranges import Dimension, may_vary, read_dimension
from textgen_core.config.settings import SECTIONS
from textgen_core.config.sources import settings_layer
from textgen_core.config.space import Candidate, Slot
from textgen_core.errors import ComponentError, ConfigurationError, Faults, TextgenError
from textgen_core.registry import KINDS, Registry, choose
from textgen_core.registry.parsing import unknown_name
from textgen_core.registry.specs import format_spec, named_options, parse_spec

# What cannot vary, and why.
_SECTIONS_THAT_STAY = {
    "corpus": "trials would be scored on different texts",
    "evaluation": "trials would be scored in different ways",
    "generation": "it has no influence on the score",
}
_SETTINGS_THAT_STAY = {
    "training.epochs": "it says how long a trial is trained",
    "training.minutes": "it says how long a trial is trained",
    "training.steps": "it says how long a trial is trained",
    "training.most_passes": "it says how long a trial is trained",
    "training.checkpoint_seconds": "it has no influence on the score",
    "training.profile": "it has no influence on the score",
}


class SlotReader:
    """Reads specs and settings, and collects their faults and what is left out."""

    def __init__(self, registry: Registry, flags: bool) -> None:
        self._registry = registry
        self._flags = flags
        self.faults = Faults()
        self.notes: list[str] = []

    def slot(
        self,
        kind: str,
        requests: Sequence[Any],
        *,
        also_installed: bool = False,
        but: Iterable[str] = (),
        slot: str = "",
    ) -> Slot:
        """Return the candidates for a kind: those that are requested, and the installed ones.

        but: names that are no candidates. slot: the slot's key, else the kind.
        """
        found: list[Candidate] = []
        for request in requests:
            with self.faults.collecting():
                one = self._candidate(kind, request)
                if one in found:
                    problem = f"{one.component} is given twice with the same options (--{kind})."
                    raise ComponentError(problem, "Allowed: candidates that differ.")
                found.append(one)
        if also_installed:
            given = {*but, *(each.component for each in found)}
            installed = [each for each in self._installed(kind) if each not in given]
            found += [Candidate(name=each, component=each) for each in installed]
        key = slot or kind
        named = [_named(each, name, key) for each, name in zip(found, _names(found), strict=True)]
        return Slot(key=key, kind=kind, candidates=tuple(named))

    def _candidate(self, kind: str, request: Any) -> Candidate:
        """Return a requested component; its dimensions have no name yet."""
        place = f"--{kind}" if self._flags else f"{kind}="
        if isinstance(request, KINDS[kind]):
            chosen = choose(self._registry, kind, request, place=place)
            if chosen.component not in self._registry.components:
                problem = (
                    f"No plugin offers {chosen.name} ({place}): a search names its components."
                )
                raise ComponentError(problem, "Allowed: a component of an installed plugin.")
            table = chosen.as_table()
            return Candidate(name="", component=table.pop("name"), options=table)
        spec = parse_spec(request)
        if "," in spec.name:
            again = f"{place} again for each further one" if self._flags else "a list of several"
            several = f"Allowed: one component in a spec, {again}."
            raise ComponentError(f"{spec.name!r} names several components ({place}).", several)
        component = self._registry.find(kind, spec.name, place=place)
        options = named_options(spec, component.cls, place=place)
        declared = {each.name: each for each in options_of(component.cls)}
        fixed, varied = self._read(options, declared, component.name, place)
        reference = self._registry.name_of(component)
        return Candidate(name="", component=reference, options=fixed, dimensions=varied)

    def _installed(self, kind: str) -> Iterator[str]:
        """Yield the installed components of a kind that can be used as they are."""
        failed = (each for each in self._registry.not_loaded if each.status == "failed")
        self.notes += [f"The plugin {each.who} failed, and is not tried." for each in failed]
        for name in self._registry.by_name(kind):
            try:
                choose(self._registry, kind, name, place="--try")
            except TextgenError as error:
                self.notes.append(f"The {kind} {name} is not tried: {error.problem}")
            else:
                yield name

    def settings(self, given: Any) -> tuple[dict[str, Any], tuple[Dimension, ...]]:
        """Return the settings with one value, and the dimensions of the others."""
        layer = settings_layer(given)
        fixed: dict[str, Any] = {}
        varied: list[Dimension] = []
        for fault in layer.faults:
            with self.faults.collecting():
                raise fault
        for section, values in layer.table.items():
            declared = {each.name: each for each in options_of(SECTIONS[section])}
            stays = {name: _reason_to_stay(section, name) for name in declared}
            kept, several = self._read(values, declared, section, layer.place, stays)
            fixed |= {f"{section}.{key}": value for key, value in kept.items()}
            varied += [attrs.evolve(each, key=f"{section}.{each.key}") for each in several]
        return fixed, tuple(varied)

    def _read(
        self,
        given: Mapping[str, Any],
        declared: Mapping[str, Option],
        owner: str,
        place: str,
        stays: Mapping[str, str] | None = None,
    ) -> tuple[dict[str, Any], tuple[Dimension, ...]]:
        """Return the options with one value, and what varies of the others.

        stays: why some options may not vary.
        """
        fixed: dict[str, Any] = {}
        varied: list[Dimension] = []
        for name, value in given.items():
            with self.faults.collecting():
                if name not in declared:
                    raise unknown_name(f"option of {owner}", name, declared, place=place)
                reason = (stays or {}).get(name, "")
                if reason and not may_vary(declared[name]):
                    fixed[name] = value
                    continue
                read = read_dimension(declared[name], value, owner=owner, place=place)
                if not isinstance(read, Dimension):
                    fixed[name] = read
                elif reason:
                    raise ConfigurationError(
                        f"{owner}.{name} cannot vary ({place}): {reason}.", "Allowed: one value."
                    )
                else:
                    varied.append(read)
        return fixed, tuple(varied)


def _reason_to_stay(section: str, name: str) -> str:
    return _SECTIONS_THAT_STAY.get(section, "") or _SETTINGS_THAT_STAY.get(f"{section}.{name}", "")


def _names(candidates: Sequence[Candidate]) -> list[str]:
    """Return a distinct name for each: the component's, with what is fixed, and with a number."""
    short = [each.component for each in candidates]
    counted = Counter(short)
    longer = [
        name if counted[name] == 1 else format_spec(name, each.options)
        for name, each in zip(short, candidates, strict=True)
    ]
    seen: Counter[str] = Counter()
    names = []
    for each in longer:
        seen[each] += 1
        names.append(each if seen[each] == 1 else f"{each} ({seen[each]})")
    return names


def _named(candidate: Candidate, name: str, slot: str) -> Candidate:
    dimensions = tuple(
        attrs.evolve(each, key=f"{slot}.{name}.{each.key}", of=f"{slot}/{name}")
        for each in candidate.dimensions
    )
    return attrs.evolve(candidate, name=name, dimensions=dimensions)
