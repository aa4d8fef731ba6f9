"""The runs that a server opens, each a model under the name of its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textgen_core.errors import UsageError
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.run_runtime import Computing
from textgen_core.registry import Registry
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.manifest import load_configuration
from textgen_core.serving.contract import Models
from textgen_core.serving.model import served


def open_models(
    directories: Sequence[RunDirectory],
    registry: Registry,
    computing: Computing,
    *,
    max_tokens: int,
    warn: Callable[[str], None],
) -> Models:
    """Open runs; what computes is loaded when it is first needed.

    Args:
        directories: where they lie.
        registry: the plugins they are opened with.
        computing: what computes.
        max_tokens: new tokens of a text, at most.
        warn: is told what to know of a run.

    Raises:
        UsageError: two of them have the same name.
        RunDirectoryError: one is damaged, or lacks a plugin.
    """
    names = [each.name for each in directories]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            f"Two of the runs are called {twice!r}, and clients could not tell them apart.",
            "Allowed: runs whose folders have different names.",
        )
    found = {}
    for directory in directories:
        configuration, warnings = load_configuration(directory, registry, ("sampler",))
        for each in warnings:
            warn(each)
        run = Run(directory, configuration, warnings=warnings, computing=computing)
        found[directory.name] = served(run, registry, name=directory.name)
    return Models(by_name=found, max_tokens=max_tokens)
