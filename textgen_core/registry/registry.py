"""Which components there are, who provides each, and which one a name means.

Nothing here imports a plugin: `discovery` does.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Literal

import attrs

from textgen_core.components import Metric, ModelBuilder, Sampler, TokenizerTrainer, Tracker
from textgen_core.errors import ComponentError, UsageError
from textgen_core.formatting import printable, shell_word
from textgen_core.registry.parsing import unknown_name

CORE = "textgen-core"
DISABLE = "TEXTGEN_PLUGINS_DISABLE"
ONLY = "TEXTGEN_PLUGINS_ONLY"
UNKNOWN = "unknown"  # the version of a distribution whose metadata names none
SLOW_SECONDS = 2.0  # an import that takes this long is warned about

_NAME = re.compile(r"[A-Z0-9]([A-Z0-9._-]{0,98}[A-Z0-9])?", re.IGNORECASE | re.ASCII)

KINDS: Mapping[str, type] = {
    "tokenizer": TokenizerTrainer,
    "model": ModelBuilder,
    "sampler": Sampler,
    "metric": Metric,
    "tracker": Tracker,
}


@attrs.frozen(kw_only=True)
class Plugin:
    """One entry point: who provides it, and whether it could be used.

    path: the folder that its distribution is installed in; error: the cause where the status is
    "failed"; import_seconds: the time to import it and to call its hooks.
    """

    distribution: str
    version: str = ""
    entry_point: str = ""
    module: str
    status: Literal["ok", "failed", "disabled"] = "ok"
    path: str = ""
    error: str = ""
    import_seconds: float = 0.0

    @property
    def reference(self) -> str:
        """The text that names this entry point in the environment variables."""
        return f"{self.distribution}:{self.entry_point}"

    @property
    def who(self) -> str:
        """The plugin as a message names it: its distribution, version and entry point."""
        return f"{self.distribution} {self.version} ({self.entry_point})"

    @property
    def how_to_disable(self) -> str:
        """The advice on how to leave the plugin out."""
        return f"To leave it out, set {DISABLE}={shell_word(self.reference)}"

    @property
    def bundled(self) -> bool:
        """Whether it is part of textgen."""
        return same_distribution(self.distribution, CORE)


@attrs.frozen(kw_only=True)
class Component:
    """A registered component."""

    kind: str
    name: str
    cls: type
    plugin: Plugin

    @property
    def qualified_name(self) -> str:
        """The name that always works: `distribution/name`."""
        return f"{self.plugin.distribution}/{self.name}"

    @property
    def provider(self) -> str:
        """The distribution and its version, as a message names them."""
        return f"{self.plugin.distribution} {self.plugin.version}".strip() or "no plugin"

    @property
    def description(self) -> str:
        """What an error calls it: `The model 'gru' (textgen-gru 1.2)`."""
        return f"The {self.kind} {self.name!r} ({self.provider})"

    @property
    def location(self) -> str:
        """Where the class is defined: `module:Class`."""
        return f"{self.cls.__module__}:{self.cls.__qualname__}"

    @property
    def summary(self) -> str:
        """The first line of the class's own docstring."""
        written = vars(self.cls).get("__doc__")
        text = inspect.cleandoc(written if isinstance(written, str) else "")
        return printable(text.partition("\n")[0], keep="")


@attrs.frozen(kw_only=True)
class Registry:
    """All plugins in a stable order, the components of those that work, and warnings."""

    plugins: tuple[Plugin, ...]
    components: tuple[Component, ...]
    warnings: tuple[str, ...] = ()

    @property
    def not_loaded(self) -> tuple[Plugin, ...]:
        """The plugins that failed or are disabled."""
        return tuple(plugin for plugin in self.plugins if plugin.status != "ok")

    @property
    def delays(self) -> tuple[str, ...]:
        """A warning for each plugin that took long to import; no bundled one is to be left out."""
        return tuple(
            f"The plugin {each.who} took {each.import_seconds:.1f} s to import. "
            f"{each.how_to_disable}"
            for each in self.plugins
            if each.import_seconds >= SLOW_SECONDS and not each.bundled
        )

    @property
    def complaints(self) -> tuple[str, ...]:
        """Everything that a command warns about, a sentence each with the way out."""
        failures = tuple(
            f"The plugin {each.who} failed: {each.error}. {each.how_to_disable}"
            for each in self.plugins
            if each.status == "failed"
        )
        return self.warnings + failures + self.delays

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

    def decide(self, kind: str, name: str) -> tuple[Component | None, str]:
        """Return the component that a name means, if it means one, and the rule that says so."""
        candidates = self.candidates(kind, name)
        if not candidates:
            return None, "no plugin provides it"
        if len(candidates) == 1 and "/" in name:
            return candidates[0], "it is named with its distribution"
        if len(candidates) == 1:
            return candidates[0], "no other plugin provides that name"
        for each in candidates:
            if each.plugin.bundled:
                return each, "a bundled component keeps its short name"
        return None, "none of them is bundled: only the name with its distribution is clear"

    def find(self, kind: str, name: str, *, place: str) -> Component:
        """Return the component that a name means; `place` says where the name was given.

        A bundled component keeps its short name. Raises ComponentError if there is none, or if two
        third-party plugins claim the name.
        """
        winner, _ = self.decide(kind, name)
        if winner is not None:
            return winner
        claims = [each.qualified_name for each in self.candidates(kind, name)]
        if claims:
            raise ComponentError(
                f"{len(claims)} plugins offer the {kind} {name!r} ({place}).",
                f"Allowed: {', '.join(claims)}.",
                f"Name the one you mean, or disable the other with {DISABLE}.",
            )
        advice = f"See: textgen plugins list --kind {kind}"
        if self.not_loaded:
            words = (f"{each.distribution} ({each.status})" for each in self.not_loaded)
            advice += f"; not loaded: {', '.join(words)}"
        qualified = [each.qualified_name for each in self.of_kind(kind)]
        known = qualified if "/" in name else self.by_name(kind)
        raise unknown_name(kind, name, known, place=place, advice=advice)

    def name_of(self, component: Component) -> str:
        """Return the name to write for a component: the short one where that is clear."""
        namesakes = len(self.candidates(component.kind, component.name))
        clear = component.plugin.bundled or namesakes <= 1
        return component.name if clear else component.qualified_name

    def by_name(self, kind: str) -> dict[str, Component]:
        """Return the components of a kind by the name to write."""
        return {self.name_of(each): each for each in self.of_kind(kind)}


def parse_reference(reference: str) -> tuple[str, str]:
    """Return kind and name of `KIND/NAME` or `KIND/DISTRIBUTION/NAME`; raises UsageError."""
    kind, slash, name = reference.partition("/")
    if not slash or kind not in KINDS:
        raise UsageError(
            f"{reference!r} is no reference to a component.",
            f"Allowed: KIND/NAME or KIND/DISTRIBUTION/NAME, with a kind of {', '.join(KINDS)}.",
            "See: textgen plugins list",
        )
    return kind, name


def install_command(distribution: str, version: str) -> str:
    """Return the command that installs a distribution in a version; UNKNOWN is the newest.

    Where these are no name (PEP 508) or no version (PEP 440) it is empty. They may be a stranger's
    words, as in a run's manifest, and the command is ours.
    """
    # Imported only here, where something is missing: no command waits for it otherwise.
    from packaging.version import InvalidVersion, Version

    try:
        pinned = "" if version == UNKNOWN else f"=={Version(version)}"
    except InvalidVersion:
        return ""
    return f"pip install {distribution}{pinned}" if _NAME.fullmatch(distribution) else ""


def same_distribution(one: str, other: str) -> bool:
    return normalised(one) == normalised(other)


def normalised(distribution: str) -> str:
    """Return a distribution's name as the package index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
