"""Opening a run for a command: its faults first, then its warnings, then TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgen_core.pipeline.opened_run import Run


def open_for(reference: str | None, *used: str) -> Run:
    """Return the run that a command line names.

    used: the kinds of components that the command needs beside tokenizer and model. Raises
    RunDirectoryError, if possible before TensorFlow is imported.
    """
    from textgen_core.cli.options import discover_plugins, warn
    from textgen_core.cli.startup import import_tensorflow
    from textgen_core.runs.directory import find_run
    from textgen_core.runs.manifest import load_configuration

    directory = find_run(reference)
    configuration, warnings = load_configuration(directory, discover_plugins(), used)
    for warning in warnings:
        warn(warning)
    import_tensorflow()
    from textgen_core.pipeline.opened_run import Run

    return Run(directory, configuration, warnings=warnings)
