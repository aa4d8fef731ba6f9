"""A space read from specs and settings with ranges, such as `--model lstm:units=128..1024`.

Several specs of one kind are a choice; samplers, of which a run has a chain, are all used. What
varies is checked against the declared options, what is fixed against the whole configuration, and
all faults are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.default_space import default_space
from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.space import Space
from textgen_core.config.space_slots import SlotReader
from textgen_core.errors import ConfigurationError, Faults, UsageError
from textgen_core.registry import Registry
from textgen_core.registry.selection import as_list

TRIED = ("model", "tokenizer", "sampler")
_SEARCHED = ("tokenizer", "model")  # what a trial is trained with; samplers are chosen afterwards


def read_kinds(requests: Any) -> tuple[str, ...]:
    """Return the kinds of `--try model,tokenizer`, in the order of TRIED.

    requests: a text, or several. Raises ConfigurationError for what cannot be tried.
    """
    texts = [str(each) for each in as_list(requests)]
    names = [each.strip() for text in texts for each in text.split(",")]
    Faults(
        ConfigurationError(
            f"--try cannot be {each!r}.", f"Allowed: of {', '.join(TRIED)}, separated by commas."
        )
        for each in names
        if each not in TRIED
    ).raise_any()
    return tuple(each for each in TRIED if each in names)


def read_space(
    registry: Registry,
    *,
    models: Any = (),
    tokenizers: Any = (),
    settings: Mapping[str, Any] | Sequence[str] = (),
    try_kinds: Iterable[str] = (),
    arguments: Mapping[str, Any] | None = None,
    recipe: str | None = None,
    config: Path | None = None,
    flags: bool = True,
) -> Space:
    """Return the space of a search over whole trainings.

    Where nothing is said to vary it is `default_space`, around what was given.

    models, tokenizers: one or several specs, tables or instances. settings: texts such as
    `training.learning_rate=0.001..0.02`, or a mapping. try_kinds: kinds of which every installed
    component is a candidate. arguments, recipe, config, flags: the rest of the configuration, as
    `configure` takes them. Raises a UsageError with every fault at once.
    """

    def configured(arguments_over: Mapping[str, Any], settings_over: Any) -> Configuration:
        return configure(
            {**(arguments or {}), **arguments_over},
            registry,
            recipe=recipe,
            config=config,
            settings=settings_over,
            flags=flags,
        )

    reader = SlotReader(registry, flags)
    given = {"tokenizer": as_list(tokenizers), "model": as_list(models)}
    tried = set(try_kinds)
    slots = [reader.slot(kind, given[kind], also_installed=kind in tried) for kind in _SEARCHED]
    found = tuple(each for each in slots if each.candidates)
    fixed, varied = reader.settings(settings)
    with reader.faults.collecting():
        configured({each.key: each.candidates[0].component for each in found}, fixed)
    reader.faults.raise_any()
    space = Space(slots=found, settings=fixed, varied=varied, notes=tuple(reader.notes))
    _check_candidates(space, configured)
    return space if space.dimensions else default_space(space, configured)


def read_sampler_space(
    registry: Registry, samplers: Any = (), *, try_installed: bool = False, flags: bool = True
) -> Space:
    """Return the space of a chain of samplers.

    samplers: the links, in order, as specs, tables or instances. try_installed: whether each other
    installed sampler is a candidate for one more link. Raises a UsageError with every fault.
    """
    reader = SlotReader(registry, flags)
    requests = as_list(samplers)
    links = [
        reader.slot("sampler", [each], slot=_link(place)) for place, each in enumerate(requests)
    ]
    if try_installed:
        taken = {one.component for each in links for one in each.candidates}
        last = _link(len(requests))
        links.append(reader.slot("sampler", [], also_installed=True, but=taken, slot=last))
    reader.faults.raise_any()
    found = tuple(each for each in links if each.candidates)
    return Space(slots=found, notes=tuple(reader.notes))


def _link(place: int) -> str:
    """Return the key of a link's slot: `sampler`, then `sampler_2`."""
    return f"sampler_{place + 1}" if place else "sampler"


def _check_candidates(space: Space, configured: Callable[..., Configuration]) -> None:
    """Refuse a candidate that is wrong with the lowest values and with the highest ones too.

    Between them a trial may still fail; that is said when it does.
    """
    faults = Faults()
    for slot in space.slots:
        for one in slot.candidates:
            alone = attrs.evolve(slot, candidates=(one,))
            slots = [
                alone
                if each.key == slot.key
                else attrs.evolve(each, candidates=each.candidates[:1])
                for each in space.slots
            ]
            part = attrs.evolve(space, slots=tuple(slots))
            with faults.collecting():
                _check_ends(part, configured)
    faults.raise_any()


def _check_ends(space: Space, configured: Callable[..., Configuration]) -> None:
    try:
        configured(*space.arguments({each.key: each.lowest for each in space.dimensions}))
    except UsageError:
        configured(*space.arguments({each.key: each.highest for each in space.dimensions}))
