"""Which plugins are installed, what they say of themselves, and which of them are enabled.

All is read from the metadata of distributions and from environment variables. This module imports
no plugin.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from textgen_core.hookspecs import PROJECT
from textgen_core.registry.registry import (
    CORE,
    DISABLE,
    ONLY,
    UNKNOWN,
    Plugin,
    harmless_line,
    normalised,
    same_distribution,
)

_ASKS_FOR_CORE = re.compile(r"textgen[-_.]+core(?![-_.a-z0-9])", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class Installed:
    """The entry points of the group `textgen`: bundled first, then by distribution and name.

    warnings: a sentence for each distribution whose entry points cannot be read, and are its own.
    """

    entry_points: tuple[importlib.metadata.EntryPoint, ...]
    warnings: tuple[str, ...]


def read_installed() -> Installed:
    """Return what the distributions on the path say that they offer."""
    found: list[importlib.metadata.EntryPoint] = []
    warnings: list[str] = []
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        folder = _folder_name(distribution)
        if folder in seen:  # the first on the path is the one that would be imported
            continue
        seen.add(folder)
        # `importlib.metadata.entry_points` would fail whole over one file that cannot be read.
        try:
            found.extend(distribution.entry_points.select(group=PROJECT))
        except Exception:
            if _is_plugin(distribution):
                name = _own_name(distribution)
                warnings.append(f"The entry points of {name} cannot be read: install it again.")
    return Installed(
        entry_points=tuple(sorted(found, key=_order)), warnings=tuple(sorted(warnings))
    )


def describe(entry_point: importlib.metadata.EntryPoint) -> Plugin:
    """Return the plugin of an entry point, as if all were well with it."""
    distribution = entry_point.dist
    return Plugin(
        distribution=_own_name(distribution) if distribution else "unknown",
        version=(_metadata(distribution, "Version") if distribution else "") or UNKNOWN,
        entry_point=entry_point.name,
        module=entry_point.value,
        path=str(distribution.locate_file("")) if distribution else "",
        status="ok",
    )


def unmet_requirement(entry_point: importlib.metadata.EntryPoint) -> str:
    """Return in words which other version of textgen a plugin asks for; empty if none."""
    try:
        asked = [] if entry_point.dist is None else list(entry_point.dist.requires or [])
        installed = importlib.metadata.version(CORE)
    except Exception:  # torn metadata, or textgen run from a folder: nothing to compare
        return ""
    for text in filter(_ASKS_FOR_CORE.match, asked):
        # Only now: beside bundled plugins alone, no command waits for this import.
        from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
        from packaging.requirements import InvalidRequirement, Requirement

        # A marker may be well-formed and compare what cannot be compared.
        with contextlib.suppress(InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
            requirement = Requirement(text)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if applies and not requirement.specifier.contains(installed, prereleases=True):
                return f"it needs {CORE}{requirement.specifier}, and {installed} is installed"
    return ""


def is_enabled(plugin: Plugin, environment: Mapping[str, str]) -> bool:
    """Return whether the environment variables leave a plugin enabled."""
    only = _references(environment, ONLY)
    wanted = not only or _named_in(plugin, only)
    return wanted and not _named_in(plugin, _references(environment, DISABLE))


def unmatched(plugins: Iterable[Plugin], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each name in the variables that no installed plugin has."""
    for variable in (DISABLE, ONLY):
        for reference in _references(environment, variable):
            if not any(_names(reference, plugin) for plugin in plugins):
                yield f"{variable} names {reference!r}, and no such plugin is installed."


def _references(environment: Mapping[str, str], variable: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", environment.get(variable, "")) if word]


def _named_in(plugin: Plugin, references: Iterable[str]) -> bool:
    return any(_names(reference, plugin) for reference in references)


def _names(reference: str, plugin: Plugin) -> bool:
    distribution, colon, entry_point = reference.partition(":")
    same = same_distribution(distribution, plugin.distribution)
    return same and (not colon or entry_point == plugin.entry_point)


def _order(entry_point: importlib.metadata.EntryPoint) -> tuple[bool, str, str]:
    plugin = describe(entry_point)
    return (not plugin.bundled, normalised(plugin.distribution), plugin.entry_point)


def _is_plugin(distribution: importlib.metadata.Distribution) -> bool:
    """Return whether entry points that cannot be parsed have our group among them."""
    with contextlib.suppress(Exception):
        return f"[{PROJECT}]" in (distribution.read_text("entry_points.txt") or "")
    return False


def _own_name(distribution: importlib.metadata.Distribution) -> str:
    """Return a distribution's name, or its folder's where an uninstall left no more than that."""
    return _metadata(distribution, "Name") or _folder_name(distribution)


def _folder_name(distribution: importlib.metadata.Distribution) -> str:
    """Return the name that stands in the name of the distribution's folder: no file is read."""
    try:
        return str(getattr(distribution, "_normalized_name", "") or "unknown")
    except Exception:  # the folder has no name of its own, as in an egg, and no metadata either
        return "unknown"


def _metadata(distribution: importlib.metadata.Distribution, key: str) -> str:
    try:
        return harmless_line(" ".join(str(distribution.metadata[key] or "").split()))
    except Exception:  # Python 3.13 raises where the file or the key is missing
        return ""
