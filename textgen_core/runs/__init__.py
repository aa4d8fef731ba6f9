"""What lies on disk: a run's directory and manifest, whole files, and the cache.

A run directory is data: nothing in it is unpickled, imported or executed. Called, as
`textgen.runs()`, the package lists the runs here: as an attribute of `textgen_core` it would hide a
function of its name.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from textgen_core.runs.directory import RunDirectory, create_run_directory, find_run
from textgen_core.runs.files import read_json, read_rows, write_json

if TYPE_CHECKING:
    from textgen_core.runs.listing import RunList

__all__ = [
    "RunDirectory",
    "create_run_directory",
    "find_run",
    "read_json",
    "read_rows",
    "write_json",
]


class _Callable(ModuleType):
    def __call__(self) -> RunList:
        """Return the runs under runs/, the newest first; shown, they are a table."""
        from textgen_core.runs.listing import runs

        return runs()


sys.modules[__name__].__class__ = _Callable
