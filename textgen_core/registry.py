"""Which components there are, who provides each, and which one a name means.

This module imports no plugin (`discovery` does) and knows nothing about options.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import attrs

from textgen_core.components import Metric, ModelBuilder, Sampler, TokenizerTrainer, Tracker
from textgen_core.errors import ComponentError
from textgen_core.values import unknown_name

CORE = "textgen-core"
DISABLE = "TEXTGEN_PLUGINS_DISABLE"

KINDS: Mapping[str, type] = MappingProxyType(
    {
        "tokenizer": TokenizerTrainer,
        "model": ModelBuilder,
        "sampler": Sampler,
        "metric": Metric,
        "tracker": Tracker,
    }
)


@attrs.frozen(kw_only=True)
class Plugin:
    """One entry point: who provides it, and what became of it.

    `error` is the cause where the status is "failed"; `import_seconds` counts loading and asking.
    """

    distribution: str
    version: str
    entry_point: str
    module: str
    status: Literal["ok", "failed", "disabled"]
    error: str = ""
    import_seconds: float = 0.0

    @property
    def reference(self) -> str:
        """The text by which the environment variables name this entry point."""
        return f"{self.distribution}:{self.entry_point}"

    @property
    def bundled(self) -> bool:
        """Whether textgen itself ships it."""
        return same_distribution(self.distribution, CORE)


@attrs.frozen(kw_only=True)
class Component:
    """A component as registered."""

    kind: str
    name: str
    cls: type
    plugin: Plugin

    @property
    def qualified_name(self) -> str:
        """The name that always works: `distribution/name`."""
        return f"{self.plugin.distribution}/{self.name}"

    @property
    def summary(self) -> str:
        """The first line of the class's own docstring."""
        return inspect.cleandoc(vars(self.cls).get("__doc__") or "").partition("\n")[0]


@attrs.frozen(kw_only=True)
class Registry:
    """All plugins in a stable order, the components of those that work, and what to warn about."""

    plugins: tuple[Plugin, ...]
    components: tuple[Component, ...]
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Plugin, ...]:
        """The plugins that could not be used."""
        return tuple(plugin for plugin in self.plugins if plugin.status == "failed")

    def of_kind(self, kind: str) -> tuple[Component, ...]:
        """Return the components of a kind: bundled ones first, then by distribution and name."""
        return tuple(each for each in self.components if each.kind == kind)

    def candidates(self, kind: str, name: str) -> tuple[Component, ...]:
        """Return every component that `name` or `distribution/name` may mean."""
        distribution, slash, short = name.rpartition("/")
        return tuple(
            each
            for each in self.of_kind(kind)
            if each.name == short
            and (not slash or same_distribution(each.plugin.distribution, distribution))
        )

    def find(self, kind: str, name: str, *, place: str) -> Component:
        """Return the component that a name means.

        A bundled component keeps its short name. Raises ComponentError if there is none, or if two
        third parties claim the name; `place` says where the name was given.
        """
        candidates = self.candidates(kind, name)
        bundled = [each for each in candidates if each.plugin.bundled]
        if bundled or len(candidates) == 1:
            return (bundled or list(candidates))[0]
        if candidates:
            claims = ", ".join(each.qualified_name for each in candidates)
            raise ComponentError(
                f"{len(candidates)} plugins offer the {kind} {name!r} ({place}).",
                f"Allowed: {claims}.",
                f"Name the one you mean, or disable the other with {DISABLE}.",
            )
        raise self._unknown(kind, name, place)

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of a kind as a person would write them: short where that is clear."""
        every = self.of_kind(kind)
        taken = [each.name for each in every]
        bundled = {each.name for each in every if each.plugin.bundled}
        return tuple(
            each.name
            if each.plugin.bundled or (taken.count(each.name) == 1 and each.name not in bundled)
            else each.qualified_name
            for each in every
        )

    def _unknown(self, kind: str, name: str, place: str) -> ComponentError:
        silent = [plugin for plugin in self.plugins if plugin.status != "ok"]
        advice = f"See: textgen plugins list --kind {kind}"
        if silent:
            words = ", ".join(f"{plugin.distribution} ({plugin.status})" for plugin in silent)
            advice += f"; not loaded: {words}"
        known = self.names(kind)
        if "/" in name:
            known = tuple(each.qualified_name for each in self.of_kind(kind))
        return unknown_name(kind, name, known, place=place, advice=advice)


def same_distribution(one: str, other: str) -> bool:
    return normalised(one) == normalised(other)


def normalised(distribution: str) -> str:
    """Return a distribution's name as the package index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
