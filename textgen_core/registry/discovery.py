"""Importing plugins, each on its own.

Every plugin, the bundled ones too, is an entry point of the group `textgen` whose module (or
object) implements hooks of `hookspecs`. One that raises, exits, prints or registers nonsense is
reported as failed, and everything else works. One that requires another version of textgen is not
imported at all.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import sys
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
from textgen_core.registry.own_keras import own_keras
from textgen_core.registry.registry import Component, Plugin, Registry
from textgen_core.registry.validation import UnusablePluginError, check_component


def discover(environment: Mapping[str, str] | None = None) -> Registry:
    """Import every enabled plugin and return what they provide.

    Raises Interrupted, which names the plugin, if the user does not wait for it.
    """
    # A copy: a plugin that sets a variable on import must not disable those after it.
    environment = dict(os.environ) if environment is None else environment
    entry_points, warnings = read_installed()
    registry = load_entry_points(entry_points, environment)
    return attrs.evolve(registry, warnings=(*warnings, *registry.warnings))


def load_entry_points(
    entry_points: Iterable[importlib.metadata.EntryPoint], environment: Mapping[str, str]
) -> Registry:
    """Import the entry points that the environment variables leave enabled."""
    plugins: list[Plugin] = []
    components: list[Component] = []
    for entry_point in entry_points:
        plugin = describe(entry_point)
        if not is_enabled(plugin, environment):
            plugin = attrs.evolve(plugin, status="disabled")
        elif unmet := unmet_requirement(entry_point):
            plugin = attrs.evolve(plugin, status="failed", error=unmet)
        else:
            plugin, offered = _load(entry_point, plugin, components)
            components += offered
        plugins.append(plugin)
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
        with isolated(), own_keras():
            offered = list(_call_hooks(entry_point.load(), plugin, known))
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


def _call_hooks(
    implementation: Any, plugin: Plugin, known: Iterable[Component]
) -> Iterator[Component]:
    """Yield the checked components of what an entry point refers to."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(implementation, name=plugin.reference)
    manager.check_pending()
    callers = manager.get_hookcallers(implementation) or []
    implemented = [each for each in callers if each.spec is not None]
    if not implemented:
        raise UnusablePluginError(f"{plugin.module} implements no hook of textgen")
    own = [each for each in known if each.plugin.distribution == plugin.distribution]
    taken = {(each.kind, each.name) for each in own}
    for caller in implemented:
        kind = caller.name.removeprefix("textgen_").removesuffix("s")
        for offered in caller() or [None]:  # pluggy leaves None out of its results
            if not isinstance(offered, Mapping):
                raise UnusablePluginError(
                    f"{caller.name} returns {type(offered).__name__}, not a dict"
                )
            for name, cls in offered.items():
                check_component(kind, name, cls)
                if (kind, name) in taken:
                    raise UnusablePluginError(
                        f"its distribution registers the {kind} {name!r} twice"
                    )
                yield Component(kind=kind, name=name, cls=cls, plugin=plugin)


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
    module = plugin.module.partition(":")[0].strip()
    if isinstance(cause, ModuleNotFoundError):
        if f"{module}.".startswith(f"{cause.name}."):  # the plugin's own module or package
            return f"{reason} (it is no longer where it was installed: install it again)"
        return f"{reason} (install that package; if the plugin did not ask for it, tell its author)"
    for frame in reversed(traceback.extract_tb(cause.__traceback__)):
        path = Path(frame.filename)
        if module.partition(".")[0] in (path.stem, *path.parent.parts):
            return f"{reason} ({path.name}, line {frame.lineno})"
    return reason


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Send whatever is printed to stderr, and return to the working directory afterwards.

    What is printed would get into a command's output, and paths on its command line are relative to
    the working directory. The file descriptor is redirected too, for libraries in C and programs
    that a plugin starts.
    """
    has_stderr = not getattr(sys.stderr, "closed", sys.stderr is None)
    stderr = sys.stderr if has_stderr else io.StringIO()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # the folder may be gone already
            stack.callback(_change_back, Path.cwd())
        with contextlib.suppress(OSError):  # a descriptor may be closed, and then nothing prints
            stderr.flush()
            saved = os.dup(1)
            stack.callback(os.close, saved)
            os.dup2(2, 1)
            stack.callback(os.dup2, saved, 1)
        borrowed: Any = _BorrowedStream(stderr)
        stack.enter_context(contextlib.redirect_stdout(borrowed))
        stack.enter_context(contextlib.redirect_stderr(borrowed))
        yield


class _BorrowedStream:
    """A stream that a plugin may close, detach or wrap without closing it for other code."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> Any:
        """The stream of bytes; a wrapper around it closes it when it is collected."""
        return _BorrowedStream(self._stream.buffer)

    def detach(self) -> Any:
        return self.buffer

    def close(self) -> None:
        self._stream.flush()


def _change_back(folder: Path) -> None:
    with contextlib.suppress(OSError):
        os.chdir(folder)
