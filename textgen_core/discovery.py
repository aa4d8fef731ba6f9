"""Finding and importing plugins, each on its own.

Every plugin, the bundled ones too, is an entry point of the group `textgen` whose module (or
object) implements hooks of `hookspecs`. Each is imported and asked by itself, so that one that
raises, exits, prints or registers nonsense is reported as failed, and everything else works. One
that asks for another version of textgen is not imported at all. This module imports plugins but
never names one.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import inspect
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import attrs
import pluggy

from textgen_core import hookspecs
from textgen_core.components import Option, options_of
from textgen_core.registry import (
    CORE,
    DISABLE,
    KINDS,
    ONLY,
    Component,
    Plugin,
    Registry,
    normalised,
    same_distribution,
)
from textgen_core.values import BadValue, convert

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def discover(environment: Mapping[str, str] | None = None) -> Registry:
    """Import every enabled plugin of the environment and return what they offer."""
    environment = os.environ if environment is None else environment
    return load_entry_points(installed_entry_points(), environment)


def installed_entry_points() -> list[importlib.metadata.EntryPoint]:
    """Return the entry points of the group `textgen`: bundled first, then by distribution, name."""
    found: list[importlib.metadata.EntryPoint] = []
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        name = _folder_name(distribution)
        if name in seen:  # the first on the path is the one that would be imported
            continue
        seen.add(name)
        # `importlib.metadata.entry_points` would fail whole over one file that cannot be read.
        with contextlib.suppress(Exception):
            found.extend(distribution.entry_points.select(group=hookspecs.PROJECT))
    return sorted(found, key=_order)


def load_entry_points(
    entry_points: Iterable[importlib.metadata.EntryPoint], environment: Mapping[str, str]
) -> Registry:
    """Import the entry points that the environment variables leave enabled, each on its own."""
    disabled, only = _references(environment, DISABLE), _references(environment, ONLY)
    plugins: list[Plugin] = []
    components: list[Component] = []
    for entry_point in entry_points:
        plugin = _describe(entry_point)
        wanted = not only or _named_in(plugin, only)
        if not wanted or _named_in(plugin, disabled):
            plugins.append(attrs.evolve(plugin, status="disabled"))
            continue
        unmet = _unmet_requirement(entry_point.dist)
        if unmet:
            plugins.append(attrs.evolve(plugin, status="failed", error=unmet))
            continue
        plugin, offered = _load(entry_point, plugin, components)
        plugins.append(plugin)
        components.extend(offered)
    return Registry(
        plugins=tuple(plugins),
        components=tuple(components),
        warnings=tuple(_unmatched(plugins, environment)),
    )


class UnusablePluginError(Exception):
    """A plugin registers something that cannot be used."""


def _load(
    entry_point: importlib.metadata.EntryPoint, plugin: Plugin, known: Iterable[Component]
) -> tuple[Plugin, list[Component]]:
    """Return the plugin with its status and its components; nothing that it does gets out."""
    started = time.perf_counter()
    offered: list[Component] = []
    error = ""
    try:
        with _printing_to_stderr():
            offered = list(_ask(entry_point.load(), plugin))
        _refuse_repeated(offered, known)
    except KeyboardInterrupt:
        raise
    except BaseException as cause:
        error, offered = _in_words(cause, plugin), []
    seconds = time.perf_counter() - started
    status: Literal["ok", "failed"] = "failed" if error else "ok"
    loaded = attrs.evolve(plugin, status=status, error=error, import_seconds=seconds)
    return loaded, [attrs.evolve(each, plugin=loaded) for each in offered]


def _ask(implementation: Any, plugin: Plugin) -> Iterator[Component]:
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


def check_component(kind: str, name: Any, cls: Any) -> None:
    """Raise UnusablePluginError, which says why `cls` cannot be registered under `name`."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UnusablePluginError(
            f"the {kind} name {name!r} is not lower-case letters, digits and single hyphens"
        )
    check_class(kind, name, cls)


def check_class(kind: str, name: str, cls: Any) -> None:
    """Raise UnusablePluginError, which says why `cls` is no component of a kind."""
    base = KINDS[kind]
    if not isinstance(cls, type) or not issubclass(cls, base):
        raise UnusablePluginError(
            f"the {kind} {name!r} is {cls!r}, not a subclass of {base.__name__}"
        )
    # `attrs.frozen` on the class itself: an inherited decoration does not see the class's fields.
    if "__attrs_props__" not in vars(cls) or not vars(cls)["__attrs_props__"].is_frozen:
        raise UnusablePluginError(
            f"the {kind} {name!r} ({cls.__name__}) is not decorated by attrs.frozen"
        )
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(vars(cls)["__abstractmethods__"]))
        raise UnusablePluginError(f"the {kind} {name!r} ({cls.__name__}) does not define {missing}")
    try:
        declared = options_of(cls)
    except Exception as error:
        raise UnusablePluginError(
            f"the options of the {kind} {name!r} cannot be read: {error}"
        ) from error
    for field in vars(cls)["__attrs_attrs__"]:
        if field.name not in {each.name for each in declared} and not _is_private(field):
            raise UnusablePluginError(
                f"the {kind} {name!r} has the field {field.name!r}, which no option() declares"
            )
    for each in declared:
        _check_option(each, f"the option {each.name!r} of the {kind} {name!r}")


def _is_private(field: Any) -> bool:
    """Return whether a field is no option and needs none: `bind` may keep what it finds there."""
    by_itself = field.default is not attrs.NOTHING and field.name.startswith("_")
    return by_itself or not field.init


def _check_option(declared: Option, called: str) -> None:
    """Raise UnusablePluginError unless the option could be set, and its default is allowed."""
    if declared.name == "name" or declared.name.startswith("_"):
        raise UnusablePluginError(f"{called} cannot have that name")
    if isinstance(declared.default, (list, dict, set)):
        raise UnusablePluginError(f"{called} has a default that can change: {declared.default!r}")
    try:
        convert(declared.default, declared.type, declared.rules)
    except TypeError as error:
        raise UnusablePluginError(f"{called} cannot be read: {error}") from error
    except BadValue as bad:
        raise UnusablePluginError(
            f"{called} has the default {declared.default!r}; allowed: {bad.allowed}"
        ) from bad


def _refuse_repeated(offered: Iterable[Component], known: Iterable[Component]) -> None:
    taken = {(each.kind, each.name, each.plugin.distribution) for each in known}
    for each in offered:
        if (each.kind, each.name, each.plugin.distribution) in taken:
            raise UnusablePluginError(
                f"its distribution registers the {each.kind} {each.name!r} twice"
            )


@contextlib.contextmanager
def _printing_to_stderr() -> Iterator[None]:
    """Let what is printed go to stderr: it must not get into a command's output.

    The descriptor is turned too, for libraries in C and programs that a plugin starts.
    """
    with contextlib.ExitStack() as stack, contextlib.redirect_stdout(sys.stderr):
        with contextlib.suppress(OSError):  # a descriptor may be closed, and then nothing prints
            sys.stderr.flush()
            kept = os.dup(1)
            stack.callback(os.close, kept)
            os.dup2(2, 1)
            stack.callback(os.dup2, kept, 1)
        yield


def _in_words(cause: BaseException, plugin: Plugin) -> str:
    """Return an exception in one line, with the way out where it is clear."""
    if isinstance(cause, SystemExit):
        return f"it exits on import (status {cause.code})"
    text = " ".join(str(cause).split())
    if isinstance(cause, UnusablePluginError):
        return text
    told = f"{type(cause).__name__}: {text}" if text else type(cause).__name__
    if isinstance(cause, ModuleNotFoundError):
        told += f" (with what it needs: pip install --force-reinstall {plugin.distribution})"
    return told


def _unmet_requirement(distribution: importlib.metadata.Distribution | None) -> str:
    """Return in words which other version of textgen a distribution asks for; empty if none."""
    try:
        asked = [] if distribution is None else list(distribution.requires or [])
        installed = importlib.metadata.version(CORE)
    except Exception:  # torn metadata, or textgen run from a folder: nothing to compare
        return ""
    named = re.compile(rf"{re.sub('-', '[-_.]+', CORE)}(?![-_.a-z0-9])", re.IGNORECASE)
    for text in filter(named.match, asked):
        from packaging.requirements import InvalidRequirement, Requirement

        with contextlib.suppress(InvalidRequirement):
            requirement = Requirement(text)
            applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if applies and not requirement.specifier.contains(installed, prereleases=True):
                return f"it needs {CORE}{requirement.specifier}, and {installed} is installed"
    return ""


def _order(entry_point: importlib.metadata.EntryPoint) -> tuple[bool, str, str]:
    plugin = _describe(entry_point)
    return (not plugin.bundled, normalised(plugin.distribution), plugin.entry_point)


def _own_name(distribution: importlib.metadata.Distribution) -> str:
    """Return a distribution's name, or its folder's where an uninstall left no more than that."""
    return _metadata(distribution, "Name") or _folder_name(distribution)


def _folder_name(distribution: importlib.metadata.Distribution) -> str:
    """Return the name that stands in the name of the distribution's folder: no file is read."""
    return str(getattr(distribution, "_normalized_name", "") or "unknown")


def _metadata(distribution: importlib.metadata.Distribution, key: str) -> str:
    try:
        return str(distribution.metadata[key] or "")
    except Exception:  # Python 3.13 raises where the file or the key is missing
        return ""


def _describe(entry_point: importlib.metadata.EntryPoint) -> Plugin:
    distribution = entry_point.dist
    return Plugin(
        distribution=_own_name(distribution) if distribution else "unknown",
        version=(_metadata(distribution, "Version") if distribution else "") or "unknown",
        entry_point=entry_point.name,
        module=entry_point.value,
        path=str(distribution.locate_file("")) if distribution else "",
        status="ok",
    )


def _references(environment: Mapping[str, str], variable: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", environment.get(variable, "")) if word]


def _named_in(plugin: Plugin, references: Iterable[str]) -> bool:
    return any(_names(reference, plugin) for reference in references)


def _names(reference: str, plugin: Plugin) -> bool:
    distribution, colon, entry_point = reference.partition(":")
    same = same_distribution(distribution, plugin.distribution)
    return same and (not colon or entry_point == plugin.entry_point)


def _unmatched(plugins: Iterable[Plugin], environment: Mapping[str, str]) -> Iterator[str]:
    for variable in (DISABLE, ONLY):
        for reference in _references(environment, variable):
            if not any(_names(reference, plugin) for plugin in plugins):
                yield f"{variable} names {reference!r}, and no such plugin is installed."
