"""A chain of samplers, and several settings of one of them: `temperature:t=0.5..1.5/5`.

A sweep gives several values to one option: a list, `nucleus:p=0.8,0.9,0.95`, or FIRST..LAST/COUNT,
so many values at even distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from textgen_core.config.ranges import FAULTS_SHOWN, MOST_VALUES, Range, count_fault, read_values
from textgen_core.errors import ComponentError, one_error
from textgen_core.registry import Registry, ResolvedComponent, choose_all, discover
from textgen_core.registry.selection import as_list, spec_of
from textgen_core.registry.specs import Spec

PLACE = "--sweep"
_ALLOWED = "Allowed: one option with several values, as 0.8,0.9,0.95 or as 0.5..1.5/5."


def choose_samplers(request: Any) -> tuple[ResolvedComponent, ...]:
    """Return the chain that specs, tables or instances request; what was chosen stays as it is.

    Raises ComponentError with every fault.
    """
    requests = [(each, "--sampler") for each in as_list(request)]
    if all(isinstance(each, ResolvedComponent) for each, _ in requests):
        return tuple(each for each, _ in requests)
    return choose_all(discover(), "sampler", requests)


def sweep_chains(
    registry: Registry, sweep: str, samplers: Any
) -> tuple[tuple[ResolvedComponent, ...], ...]:
    """Return a chain for each value of the sweep.

    The swept sampler takes the place of the one of its name in `samplers` (specs, tables or
    instances), else it comes after them. Raises ComponentError for what is no sweep, and for values
    that the option does not allow.
    """
    option, settings = _settings(registry, sweep)
    others = [(each, "--sampler") for each in as_list(samplers)]
    swept = [(each, PLACE) for each in settings]
    try:
        chosen = choose_all(registry, "sampler", [*others, *swept])
    except ComponentError as error:
        distinct = {str(each): each for each in error.parts}
        raise one_error(list(distinct.values())[:FAULTS_SHOWN]) from None
    varied = [attrs.evolve(each, named=(option,)) for each in chosen[len(others) :]]
    return tuple(_placed(each, chosen[: len(others)]) for each in varied)


def _placed(
    swept: ResolvedComponent, others: Sequence[ResolvedComponent]
) -> tuple[ResolvedComponent, ...]:
    chain = [swept if each.component == swept.component else each for each in others]
    return tuple(chain if swept in chain else [*chain, swept])


def _settings(registry: Registry, sweep: str) -> tuple[str, list[Spec]]:
    """Return the option that a sweep varies, and its specs."""
    spec = spec_of(registry, "sampler", sweep, place=PLACE)
    several = {name: _values(str(text), sweep) for name, text in spec.options.items()}
    swept = [name for name, values in several.items() if len(values) > 1]
    if len(swept) != 1:
        many = f"varies {' and '.join(swept)}" if swept else "varies no option"
        raise ComponentError(f"The sweep {sweep!r} {many}.", _ALLOWED)
    name = swept[0]
    if len(several[name]) > MOST_VALUES:
        raise count_fault(f"The sweep {sweep[:80]!r}", str(len(several[name])))
    return name, [
        attrs.evolve(spec, options={**spec.options, name: value}) for value in several[name]
    ]


def _values(text: str, sweep: str) -> list[str]:
    """Return the values that the text of an option stands for."""
    values = read_values(text, f"The sweep {sweep[:80]!r}")
    return [text] if isinstance(values, Range) else values
