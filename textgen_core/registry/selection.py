"""From what a person asked for to a checked component of a known plugin.

A spec, a mapping with a "name" and an instance take the same way here, before TensorFlow loads.
This module knows nothing about where the wish was written down: it is given a `place` to name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from textgen_core.components import options_of
from textgen_core.errors import ComponentError, PluginFailure, component_errors
from textgen_core.registry.parsing import plain_options, plain_value
from textgen_core.registry.registry import KINDS, Component, Plugin, Registry
from textgen_core.registry.specs import Spec, check_instance, construct, format_spec, parse_spec
from textgen_core.registry.validation import UnusablePluginError, check_class


@attrs.frozen(kw_only=True)
class ResolvedComponent:
    """A component that a run uses: what is registered, and the instance with its options.

    `reference` is the name that finds it again: the short one, or `distribution/name`.
    `named`: the options that the label names even where they are defaults.
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
    def options(self) -> dict[str, Any]:
        """All options as plain values."""
        return plain_options(self.instance)

    @property
    def label(self) -> str:
        """The spec that gives this component: its name, and options that are not defaults."""
        changed = {
            each.name: self.options[each.name]
            for each in options_of(self.component.cls)
            if each.name in self.named or self.options[each.name] != plain_value(each.default)
        }
        return format_spec(self.name, changed)

    @property
    def provider(self) -> str:
        """The distribution and its version, as a message names them."""
        return _provider(self.component)

    def as_table(self) -> dict[str, Any]:
        """Return the table that run.toml holds: the reference and every option."""
        return {"name": self.reference, **self.options}

    @property
    def description(self) -> str:
        """What an error calls it: `The model 'gru' (textgen-gru 1.2)`."""
        return _description(self.component)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn whatever the component raises, or is found to do wrong, into an error that names it.

        Raises:
            PluginFailure: it begins with the component's description.
        """
        try:
            with component_errors(self.description):
                yield
        except PluginFailure as failure:
            if failure.problem.startswith(self.description):
                raise
            problem = f"{self.description}: {failure.problem}"
            raise PluginFailure(problem, failure.allowed, failure.advice) from failure


def choose(registry: Registry, kind: str, wish: Any, *, place: str) -> ResolvedComponent:
    """Return the component that a spec, a mapping or an instance asks for.

    Raises ComponentError with every fault of the wish at once.
    """
    if isinstance(wish, KINDS[kind]):
        component = _registered(registry, kind, type(wish), place)
        return _chosen(registry, component, _made(component, check_instance, wish, place=place))
    if isinstance(wish, type) or type(wish) in _classes(registry):
        raise ComponentError(
            f"{wish!r} is no {kind} ({place}).",
            f"Allowed: an instance of {KINDS[kind].__name__}, a spec, or a dict with a name.",
        )
    spec = parse_spec(wish)
    component = registry.find(kind, spec.name, place=place)
    own = attrs.evolve(spec, name=component.name)
    instance = _made(component, construct, component.cls, own, place=place)
    return _chosen(registry, component, instance)


def _made(component: Component, make: Callable[..., Any], *given: Any, place: str) -> Any:
    """Return what `make` makes; a component that raises what it may not is named."""
    with component_errors(_description(component)):
        return make(*given, place=place)


def choose_all(
    registry: Registry, kind: str, wishes: Iterable[tuple[Any, str]]
) -> tuple[tuple[ResolvedComponent, ...], list[ComponentError]]:
    """Choose for pairs of wish and place; return what is right, and a fault for each other."""
    chosen: list[ResolvedComponent] = []
    faults: list[ComponentError] = []
    for wish, place in wishes:
        try:
            chosen.append(choose(registry, kind, wish, place=place))
        except ComponentError as fault:
            faults.append(fault)
    return tuple(chosen), faults


def as_list(wishes: Any) -> list[Any]:
    """Return one wish, a sequence of wishes or None as a list."""
    if wishes is None:
        return []
    if isinstance(wishes, Sequence) and not isinstance(wishes, str):
        return list(wishes)
    return [wishes]


def spec_of(registry: Registry, kind: str, wish: Any, *, place: str) -> Spec:
    """Return a wish as a Spec whose options are all named, so that layers can be merged."""
    spec = parse_spec(wish)
    if spec.positional is None:
        return spec
    declared = options_of(registry.find(kind, spec.name, place=place).cls)
    if not declared or declared[0].name in spec.options:
        return spec  # `construct` reports it
    options = {declared[0].name: spec.positional, **spec.options}
    return Spec(name=spec.name, options=options)


def _chosen(registry: Registry, component: Component, instance: Any) -> ResolvedComponent:
    candidates = registry.candidates(component.kind, component.name)
    unclear = len(candidates) > 1 and not component.plugin.bundled
    reference = component.qualified_name if unclear else component.name
    return ResolvedComponent(component=component, instance=instance, reference=reference)


def _classes(registry: Registry) -> set[type]:
    return {each.cls for each in registry.components}


def _provider(component: Component) -> str:
    return f"{component.plugin.distribution} {component.plugin.version}".strip() or "no plugin"


def _description(component: Component) -> str:
    return f"The {component.kind} {component.name!r} ({_provider(component)})"


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
    nobody = Plugin(
        distribution="",
        version="",
        entry_point="",
        module=f"{cls.__module__}.{cls.__qualname__}",
        status="ok",
    )
    return Component(kind=kind, name=cls.__name__, cls=cls, plugin=nobody)
