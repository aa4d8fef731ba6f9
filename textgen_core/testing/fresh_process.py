"""Runs a few lines of Python on a class in a process of their own, where nothing is imported yet.

This module knows nothing about what is run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from textgen_core.testing.check import ConformanceFault

SECONDS = 120  # after which a process counts as stuck

NOT_FOUND = "a fresh process cannot import the class, so nothing was run there"
_NOWHERE = "-"
_BEGIN = f"""
import importlib, json, sys
sys.path[:], module_name, given = json.loads(sys.stdin.read())
before = set(sys.modules)
try:
    module = importlib.import_module(module_name)
except ModuleNotFoundError as error:
    if not f"{{module_name}}.".startswith(f"{{error.name}}."):
        raise  # the module is there, and another that it imports is not
    print({_NOWHERE!r})
    raise SystemExit
"""


def run_fresh(
    cls: type, code: str, given: Any, environment: Mapping[str, str] | None = None
) -> str | None:
    """Return the last line that `code` prints; None if a fresh process cannot find the class.

    `code` finds the class's `module`, the names of the modules loaded `before` it, and `given`, as
    JSON holds it. Raises ConformanceFault with the last line on stderr if the process fails.
    """
    if cls.__module__ == "__main__" or "<locals>" in cls.__qualname__:
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-c", _BEGIN + code],
            input=json.dumps([sys.path, cls.__module__, given]),
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **(environment or {})},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConformanceFault(f"In a fresh process it took more than {SECONDS} s.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ConformanceFault(f"In a fresh process: {last}")
    line = (done.stdout.splitlines() or [""])[-1]
    return None if line == _NOWHERE else line
