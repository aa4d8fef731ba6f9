"""A plugin for textgen: the tracker `figure-table`.

textgen finds this module by the entry point in pyproject.toml, and asks the hook below what there
is. Keep what is imported here light: `textgen plugins` imports it, and should start at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from textgen_core import Tracker, hookimpl

from textgen_figure_table.figure_table import FigureTableTracker


@hookimpl
def textgen_trackers() -> Mapping[str, type[Tracker]]:
    """Return the trackers of this plugin by name."""
    return {"figure-table": FigureTableTracker}
