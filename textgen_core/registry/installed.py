"""Which plugins are installed, what their metadata says, and which of them are enabled.

Everything is read from the metadata of distributions and from environment variables: no plugin is
imported.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from textgen_core.formatting import printable
from textgen_core.hookspecs import PROJECT
from textgen_core.registry.registry import (
    CORE,
    DISABLE,
    ONLY,
    UNKNOWN,
    Plugin,
    normalised,
    same_distribution,
)

_REMEMBERED = 256  # distributions whose metadata are kept: each has several entry points
_REQUIRES_CORE = re.compile(r"textgen[-_.]+core(?![-_.a-z0-9])", re.IGNORECASE)


def read_installed() -> tuple[list[importlib.metadata.EntryPoint], list[str]]:
    """Return the entry points of all plugins: bundled first, then by distribution and name.

    With them comes a warning for each distribution of plugins whose entry points cannot be read.
    Nothing is looked for in the current folder, unless Python was told to: see `_places`.
    """
    found: list[importlib.metadata.EntryPoint] = []
    warnings: list[str] = []
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions(path=_places()):
        name = _name_by_folder(distribution)
        if name in seen:  # the first on the path is the one that would be imported
            continue
        seen.add(name)
        # `importlib.metadata.entry_points` would fail over a single file that cannot be read.
        try:
            found.extend(distribution.entry_points.select(group=PROJECT))
        except Exception:
            broken = _name_of(distribution)
            with contextlib.suppress(Exception):
                if f"[{PROJECT}]" in (distribution.read_text("entry_points.txt") or ""):
                    warnings.append(
                        f"The entry points of {broken} cannot be read: install it again."
                    )
    return sorted(found, key=_order), sorted(warnings)


def _places() -> list[str]:
    """Return sys.path without the folder that Python was merely started in.

    `python -m`, `python -c` and notebooks put it before the standard library. Whoever means it says
    so: by an installation, even an editable one, whose entry comes later, or by PYTHONPATH.
    """
    if sys.flags.safe_path:
        return sys.path
    here = os.path.realpath(os.curdir)
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    is_meant = here in {os.path.realpath(each) for each in named if each}
    library = Path(os.__file__).parent
    before = list(itertools.takewhile(lambda each: Path(each) != library, sys.path))
    kept = [each for each in before if each and (os.path.realpath(each) != here or is_meant)]
    return [*kept, *filter(None, sys.path[len(before) :])]


def describe(entry_point: importlib.metadata.EntryPoint) -> Plugin:
    """Return the plugin of an entry point, with the status of one that works."""
    distribution = entry_point.dist
    return Plugin(
        distribution=_name_of(distribution) if distribution else UNKNOWN,
        version=(_metadata(distribution, "Version") if distribution else "") or UNKNOWN,
        entry_point=entry_point.name,
        module=entry_point.value,
        path=str(distribution.locate_file("")) if distribution else "",
    )


def unmet_requirement(entry_point: importlib.metadata.EntryPoint) -> str:
    """Return the version of textgen that a plugin requires and does not get; empty if none."""
    return "" if entry_point.dist is None else _unmet_requirement(entry_point.dist)


@lru_cache(_REMEMBERED)
def _unmet_requirement(distribution: importlib.metadata.Distribution) -> str:
    try:
        required = list(distribution.requires or [])
        installed = importlib.metadata.version(CORE)
    except Exception:  # torn metadata, or textgen run from a folder: nothing to compare
        return ""
    for text in filter(_REQUIRES_CORE.match, required):
        # Imported only here: with the bundled plugins alone, no command waits for it.
        from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
        from packaging.requirements import InvalidRequirement, Requirement

        # A well-formed marker may still compare what cannot be compared.
        with contextlib.suppress(InvalidRequirement, UndefinedComparison, UndefinedEnvironmentName):
            requirement = Requirement(text)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if applies and not requirement.specifier.contains(installed, prereleases=True):
                return f"it needs {CORE}{requirement.specifier}, and {installed} is installed"
    return ""


def is_enabled(plugin: Plugin, environment: Mapping[str, str]) -> bool:
    """Return whether the environment variables leave a plugin enabled."""
    only = _references(environment, ONLY)
    disabled = _references(environment, DISABLE)
    wanted = not only or any(_names(each, plugin) for each in only)
    return wanted and not any(_names(each, plugin) for each in disabled)


def unmatched(plugins: Iterable[Plugin], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each name in the variables that no installed plugin has."""
    for variable in (DISABLE, ONLY):
        for reference in _references(environment, variable):
            if not any(_names(reference, plugin) for plugin in plugins):
                yield f"{variable} names {reference!r}, and no such plugin is installed."


def _references(environment: Mapping[str, str], variable: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", environment.get(variable, "")) if word]


def _names(reference: str, plugin: Plugin) -> bool:
    distribution, colon, entry_point = reference.partition(":")
    same = same_distribution(distribution, plugin.distribution)
    return same and (not colon or entry_point == plugin.entry_point)


def _order(entry_point: importlib.metadata.EntryPoint) -> tuple[bool, str, str]:
    plugin = describe(entry_point)
    return (not plugin.bundled, normalised(plugin.distribution), plugin.entry_point)


def _name_of(distribution: importlib.metadata.Distribution) -> str:
    """Return a distribution's name, or its folder's where an uninstall left nothing else."""
    return _metadata(distribution, "Name") or _name_by_folder(distribution)


def _name_by_folder(distribution: importlib.metadata.Distribution) -> str:
    """Return the name in the name of a distribution's folder, for which no file is read.

    `importlib.metadata` itself tells distributions apart by this attribute. The public `name`
    parses every METADATA file, which takes ten times as long as everything else here, and is not
    there where that file is gone.
    """
    try:
        return str(getattr(distribution, "_normalized_name", "") or UNKNOWN)
    except Exception:  # the folder has no name of its own, as in an egg, and no metadata either
        return UNKNOWN


@lru_cache(_REMEMBERED)
def _parsed(distribution: importlib.metadata.Distribution) -> Any:
    """Return the metadata of a distribution, which takes a millisecond each time it is asked."""
    return distribution.metadata


def _metadata(distribution: importlib.metadata.Distribution, key: str) -> str:
    try:
        return printable(" ".join(str(_parsed(distribution)[key] or "").split()), keep="")
    except Exception:  # Python 3.13 raises where the file or the key is missing
        return ""
