"""What lies on disk: a run's directory and manifest, whole files, and the cache.

A run directory is data: nothing in it is unpickled, imported or executed. Called, as
`textgen.runs()`, the package lists the runs here: as an attribute of `textgen_core` it would hide a
function of its name. So it also has what `textgen runs` does: `textgen.runs.pack(run)`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from textgen_core.runs.directory import RunDirectory, create_run_directory, find_run
from textgen_core.runs.files import read_json, read_rows, write_json

if TYPE_CHECKING:
    from textgen_core.runs.listing import RunList
    from textgen_core.runs.packing import pack
    from textgen_core.runs.removing import remove
    from textgen_core.runs.showing import show
    from textgen_core.runs.unpacking import unpack

__all__ = [
    "RunDirectory",
    "create_run_directory",
    "find_run",
    "pack",
    "read_json",
    "read_rows",
    "remove",
    "show",
    "unpack",
    "write_json",
]


_ELSEWHERE = {"show": "showing", "remove": "removing", "pack": "packing", "unpack": "unpacking"}


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Callable(ModuleType):
    def __call__(self, corpus: str | os.PathLike[str] | None = None) -> RunList:
        """Return the runs under runs/, the newest first; shown, they are a table."""
        from textgen_core.runs.listing import runs

        return runs(corpus)


sys.modules[__name__].__class__ = _Callable
