"""What a measurement depends on besides the code: the day, the machine, the versions.

This module knows nothing about what is measured.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path

_WIDE = ("avx512f", "avx512_bf16", "amx_bf16")  # what speed depends on most


def describe_machine(programs: Iterable[str]) -> list[str]:
    """Return two lines: when and on what; Python and the programs, each with its version."""
    now = datetime.datetime.now().astimezone()
    return [
        f"{now:%Y-%m-%d %H:%M}, {processor()}, {os.cpu_count()} cores, {platform.system()}",
        ", ".join([f"Python {platform.python_version()}", *programs]),
    ]


def installed(*distributions: str) -> list[str]:
    """Return the distributions installed here, each with its version."""
    return [f"{name} {importlib.metadata.version(name)}" for name in distributions]


def processor() -> str:
    """Return the processor's name, and its wide instructions, where the system tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    named = {key.strip(): value.strip() for key, value in pairs}
    flags = named.get("flags", "").split()
    wide = ", ".join(flag for flag in _WIDE if flag in flags)
    return f"{named.get('model name', platform.machine())} ({wide or 'no AVX-512'})"
