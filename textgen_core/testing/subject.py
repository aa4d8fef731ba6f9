"""What is checked: a component, found by its reference or given as a class or an instance."""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core.errors import ComponentError
from textgen_core.registry import KINDS, Component, Plugin, Registry, ResolvedComponent, discover
from textgen_core.registry.registry import same_distribution

ALLOWED = "Allowed: DISTRIBUTION:KIND/NAME, DISTRIBUTION:NAME, a component's class or an instance."


@attrs.frozen(kw_only=True)
class Subject:
    """A component under examination; `given` is the instance to use, if the author made one."""

    component: Component
    given: Any = None

    @property
    def kind(self) -> str:
        """The kind: tokenizer, model, sampler, metric or tracker."""
        return self.component.kind

    @property
    def cls(self) -> type:
        """The component's class."""
        return self.component.cls

    @property
    def is_registered(self) -> bool:
        """Whether a plugin registers it; a class or instance that was handed in has no name."""
        return bool(self.component.plugin.distribution)

    @property
    def reference(self) -> str:
        """What a person reads: DISTRIBUTION:KIND/NAME, or the kind and what was handed in."""
        if self.is_registered:
            return f"{self.component.plugin.distribution}:{self.kind}/{self.component.name}"
        label = self.component.name if self.given is None else self.chosen().label
        return f"{self.kind}/{label}"

    def instance(self) -> Any:
        """Return the instance that the author made, or a new one with every option's default."""
        return self.cls() if self.given is None else self.given

    def chosen(self) -> ResolvedComponent:
        """Return the component as a run would hold it."""
        return ResolvedComponent(
            component=self.component, instance=self.instance(), reference=self.component.name
        )


def find_subject(wanted: Any) -> Subject:
    """Return what a reference, a registered component, a class or an instance means.

    Raises ComponentError if that is no component, or if several could be meant.
    """
    if isinstance(wanted, Component):
        return Subject(component=wanted)
    if isinstance(wanted, str):
        return Subject(component=find_component(discover(), wanted))
    cls = wanted if isinstance(wanted, type) else type(wanted)
    given = None if isinstance(wanted, type) else wanted
    for kind, base in KINDS.items():
        if issubclass(cls, base):
            no_plugin = Plugin(distribution="", module=f"{cls.__module__}.{cls.__qualname__}")
            found = Component(kind=kind, name=cls.__name__, cls=cls, plugin=no_plugin)
            return Subject(component=found, given=given)
    raise ComponentError(f"{wanted!r} is no component.", ALLOWED)


def find_component(registry: Registry, reference: str) -> Component:
    """Return the component of `DISTRIBUTION:KIND/NAME`, or of an unambiguous `DISTRIBUTION:NAME`.

    Raises ComponentError, with the plugin's own fault where it could not be loaded.
    """
    distribution, colon, rest = reference.partition(":")
    kind, slash, name = rest.rpartition("/")
    if not colon or not name or (slash and kind not in KINDS):
        raise ComponentError(f"{reference!r} is no reference to a component.", ALLOWED)
    own = [each for each in registry.plugins if same_distribution(each.distribution, distribution)]
    offered = [each for each in registry.components if each.plugin in own]
    found = [each for each in offered if each.name == name and kind in ("", each.kind)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ComponentError(
            f"{reference!r} may be {len(found)} components.", f"Allowed: {_references(found)}."
        )
    if not own:
        raise ComponentError(
            f"{reference!r}: no plugin of the distribution {distribution!r} is installed.",
            advice="Install it: pip install -e .",
        )
    silent = [f"{each.reference} failed {each.error}" for each in own if each.error]
    silent += [f"{each.reference} is disabled" for each in own if each.status == "disabled"]
    raise ComponentError(
        f"{reference!r}: the distribution {distribution!r} offers no such component.",
        f"Allowed: {_references(offered) or 'it offers none'}.",
        "; ".join(silent),
    )


def _references(components: list[Component]) -> str:
    return ", ".join(f"{each.plugin.distribution}:{each.kind}/{each.name}" for each in components)
