"""Importing plugins, each on its own.

Every plugin, the bundled ones too, is an entry point of the group `textgen` whose module (or
object) implements hooks of `hookspecs`. One that raises, exits, prints or registers nonsense is
reported as failed, and everything else works. One that requires another version of textgen is not
imported at all.
"""

from __future__ import annotations

import importlib.metadata
import os
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import pluggy

from textgen_core import hookspecs
from textgen_core.errors import Interrupted
from textgen_core.formatting import printable
from textgen_core.registry.installed import (
    describe,
    is_enabled,
    read_installed,
    unmatched,
    unmet_requirement,
)
from textgen_core.registry.isolation import preserved_working_directory, printing_to_stderr
from textgen_core.registry.registry import Component, Plugin, Registry
from textgen_core.registry.validation import UnusablePluginError, check_component


def discover(environment: Mapping[str, str] | None = None) -> Registry:
    """Import every enabled plugin and return what they provide.

    Raises Interrupted, which names the plugin, if the user does not wait for it.
    """
    # A copy: a plugin that sets a variable on import must not disable those after it.
    environment = dict(os.environ) if environment is None else environment
    installed = read_installed()
    registry = load_entry_points(installed.entry_points, environment)
    return attrs.evolve(registry, warnings=installed.warnings + registry.warnings)


def load_entry_points(
    entry_points: Iterable[importlib.metadata.EntryPoint], environment: Mapping[str, str]
) -> Registry:
    """Import the entry points that the environment variables leave enabled."""
    plugins: list[Plugin] = []
    components: list[Component] = []
    for entry_point in entry_points:
        plugin = describe(entry_point)
        if not is_enabled(plugin, environment):
            plugins.append(attrs.evolve(plugin, status="disabled"))
            continue
        unmet = unmet_requirement(entry_point)
        if unmet:
            plugins.append(attrs.evolve(plugin, status="failed", error=unmet))
            continue
        plugin, offered = _load(entry_point, plugin, components)
        plugins.append(plugin)
        components.extend(offered)
    return Registry(
        plugins=tuple(plugins),
        components=tuple(components),
        warnings=tuple(unmatched(plugins, environment)),
    )


def _load(
    entry_point: importlib.metadata.EntryPoint, plugin: Plugin, known: Iterable[Component]
) -> tuple[Plugin, list[Component]]:
    """Return the plugin with its status, and its components; nothing that it raises gets out."""
    started = time.perf_counter()
    offered: list[Component] = []
    error = ""
    try:
        with preserved_working_directory(), printing_to_stderr():
            offered = list(_call_hooks(entry_point.load(), plugin))
        _refuse_repeated(offered, known)
    except KeyboardInterrupt as cause:
        waited = time.perf_counter() - started
        raise Interrupted(
            f"Stopped while importing the plugin {plugin.who}, after {waited:.1f} s.",
            advice=plugin.how_to_disable,
        ) from cause
    except BaseException as cause:
        error, offered = _describe_failure(cause, plugin), []
    seconds = time.perf_counter() - started
    status: Literal["ok", "failed"] = "failed" if error else "ok"
    loaded = attrs.evolve(plugin, status=status, error=error, import_seconds=seconds)
    return loaded, [attrs.evolve(each, plugin=loaded) for each in offered]


def _call_hooks(implementation: Any, plugin: Plugin) -> Iterator[Component]:
    """Yield the checked components of what an entry point refers to."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(implementation, name=plugin.reference)
    manager.check_pending()
    callers = manager.get_hookcallers(implementation) or []
    implemented = [each for each in callers if each.spec is not None]
    if not implemented:
        raise UnusablePluginError(f"{plugin.module} implements no hook of textgen")
    for caller in implemented:
        kind = caller.name.removeprefix("textgen_").removesuffix("s")
        for offered in caller() or [None]:  # pluggy leaves None out of its results
            if not isinstance(offered, Mapping):
                raise UnusablePluginError(
                    f"{caller.name} returns {type(offered).__name__}, not a dict"
                )
            for name, cls in offered.items():
                check_component(kind, name, cls)
                yield Component(kind=kind, name=name, cls=cls, plugin=plugin)


def _refuse_repeated(offered: Iterable[Component], known: Iterable[Component]) -> None:
    taken = {(each.kind, each.name, each.plugin.distribution) for each in known}
    for each in offered:
        if (each.kind, each.name, each.plugin.distribution) in taken:
            raise UnusablePluginError(
                f"its distribution registers the {each.kind} {each.name!r} twice"
            )


def _describe_failure(cause: BaseException, plugin: Plugin) -> str:
    """Return an exception in one line, with the fix where it is clear."""
    if isinstance(cause, SystemExit):
        return f"it exits on import (status {cause.code})"
    try:
        text = printable(" ".join(str(cause).split()), keep="")
    except Exception:  # a plugin's own exception class may fail here too
        text = ""
    if isinstance(cause, UnusablePluginError):
        return text
    reason = f"{type(cause).__name__}: {text}" if text else type(cause).__name__
    if isinstance(cause, ModuleNotFoundError) and _is_own(cause.name, plugin):
        return f"{reason} (it is no longer where it was installed: install it again)"
    if isinstance(cause, ModuleNotFoundError):
        return f"{reason} (install that package; if the plugin did not ask for it, tell its author)"
    return f"{reason}{_place_of(cause, plugin)}"


def _is_own(module: str | None, plugin: Plugin) -> bool:
    """Return whether a module is the one that the entry point names, or a parent package."""
    own = plugin.module.partition(":")[0].strip()
    return module is not None and f"{own}.".startswith(f"{module}.")


def _place_of(cause: BaseException, plugin: Plugin) -> str:
    """Return file and line in the plugin's own package where it raised; empty if not there."""
    package = plugin.module.partition(":")[0].partition(".")[0].strip()
    for frame in reversed(traceback.extract_tb(cause.__traceback__)):
        path = Path(frame.filename)
        if package in (path.stem, *path.parent.parts):
            return f" ({path.name}, line {frame.lineno})"
    return ""
