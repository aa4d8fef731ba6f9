"""From a request to a checked component of a known plugin.

A spec, a mapping with a "name" and an instance are treated alike, before TensorFlow loads.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from textgen_core.components import options_of
from textgen_core.errors import ComponentError, Faults, PluginFailure, component_errors
from textgen_core.registry.parsing import plain_value
from textgen_core.registry.registry import KINDS, Component, Plugin, Registry
from textgen_core.registry.specs import (
    Spec,
    check_instance,
    construct,
    format_spec,
    named_options,
    parse_spec,
    plain_options,
)
from textgen_core.registry.validation import UnusablePluginError, check_class


@attrs.frozen(kw_only=True)
class ResolvedComponent:
    """A component that a run uses: what is registered, and the instance with its options.

    reference: the name that finds it again, the short one or `distribution/name`.
    named: the options that the label names even where they are defaults.
    """

    component: Component
    instance: Any
    reference: str
    named: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The registered name."""
        return self.component.name

    @property
    def description(self) -> str:
        """What an error calls it: `The model 'gru' (textgen-gru 1.2)`."""
        return self.component.description

    @property
    def options(self) -> dict[str, Any]:
        """All options as plain values."""
        return plain_options(self.instance)

    @property
    def label(self) -> str:
        """The spec that gives this component: its name, and options that are not defaults."""
        values = self.options
        changed = {
            each.name: values[each.name]
            for each in options_of(self.component.cls)
            if each.name in self.named or values[each.name] != plain_value(each.default)
        }
        return format_spec(self.name, changed)

    def as_table(self) -> dict[str, Any]:
        """Return the table that run.toml holds: the reference and every option."""
        return {"name": self.reference, **self.options}

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn whatever the component raises, or does wrong, into a PluginFailure that names it."""
        try:
            with component_errors(self.description):
                yield
        except PluginFailure as failure:
            if failure.problem.startswith(self.description):
                raise
            problem = f"{self.description}: {failure.problem}"
            raise PluginFailure(problem, failure.allowed, failure.advice) from failure


def choose(registry: Registry, kind: str, request: Any, *, place: str) -> ResolvedComponent:
    """Return the component that a spec, a mapping or an instance asks for.

    place: where it was requested, as messages name it. Raises ComponentError with every fault of
    the request at once.
    """
    if isinstance(request, KINDS[kind]):
        component = _registered(registry, kind, type(request), place)
        make = functools.partial(check_instance, request)
    elif isinstance(request, type) or type(request) in {each.cls for each in registry.components}:
        raise ComponentError(
            f"{request!r} is no {kind} ({place}).",
            f"Allowed: an instance of {KINDS[kind].__name__}, a spec, or a dict with a name.",
        )
    else:
        spec = parse_spec(request)
        component = registry.find(kind, spec.name, place=place)
        make = functools.partial(construct, component.cls, attrs.evolve(spec, name=component.name))
    with component_errors(component.description):
        instance = make(place=place)
    reference = registry.name_of(component)
    return ResolvedComponent(component=component, instance=instance, reference=reference)


def choose_all(
    registry: Registry, kind: str, requests: Iterable[tuple[Any, str]]
) -> tuple[ResolvedComponent, ...]:
    """Choose for pairs of request and place; raises ComponentError with the faults of all."""
    chosen: list[ResolvedComponent] = []
    faults = Faults()
    for request, place in requests:
        with faults.collecting():
            chosen.append(choose(registry, kind, request, place=place))
    faults.raise_any()
    return tuple(chosen)


def as_list(requests: Any) -> list[Any]:
    """Return one request, a sequence of requests or None as a list."""
    if requests is None:
        return []
    if isinstance(requests, Sequence) and not isinstance(requests, str):
        return list(requests)
    return [requests]


def spec_of(registry: Registry, kind: str, request: Any, *, place: str) -> Spec:
    """Return a request as a Spec that layers can be merged by.

    Its name is qualified where it is known, and its options are all named.
    """
    spec = parse_spec(request)
    component, _ = registry.decide(kind, spec.name)
    if component is None and spec.positional is None:
        return spec  # another layer may name another component; else `choose` reports it
    component = component or registry.find(kind, spec.name, place=place)
    options = named_options(spec, component.cls, place=place)
    return Spec(name=component.qualified_name, options=options)


def _registered(registry: Registry, kind: str, cls: type, place: str) -> Component:
    """Return the registered component of a class, or one that no plugin provides.

    Raises ComponentError if the class could not be registered.
    """
    for each in registry.of_kind(kind):
        if each.cls is cls:
            return each
    try:
        check_class(kind, cls.__name__, cls)
    except UnusablePluginError as error:
        raise ComponentError(f"It cannot be used, since {error} ({place}).") from error
    no_plugin = Plugin(distribution="", module=f"{cls.__module__}.{cls.__qualname__}")
    return Component(kind=kind, name=cls.__name__, cls=cls, plugin=no_plugin)
