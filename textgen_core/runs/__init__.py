"""What lies on disk: a run's directory and manifest, whole files, and the cache.

A run directory is data: nothing in it is unpickled, imported or executed.
"""

from textgen_core.runs.directory import RunDirectory, create_run_directory, find_run
from textgen_core.runs.files import read_json, read_rows, write_json

__all__ = [
    "RunDirectory",
    "create_run_directory",
    "find_run",
    "read_json",
    "read_rows",
    "write_json",
]
