"""What the machine has, and what follows from it for memory and precision.

This module knows nothing about models or runs.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before the import: start-up chatter

import tensorflow as tf

from textgen_core.errors import ConfigurationError

POLICIES = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


def grow_memory() -> None:
    """Let TensorFlow take GPU memory as it needs it, not all at once."""
    for device in tf.config.list_physical_devices("GPU"):
        # Once a GPU is in use the setting is fixed, and an earlier caller chose it.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(device, True)


def compute_capabilities() -> list[tuple[int, int]]:
    """Return the compute capability of each GPU; none on a CPU."""
    details = [
        tf.config.experimental.get_device_details(device)
        for device in tf.config.list_physical_devices("GPU")
    ]
    return [each.get("compute_capability", (0, 0)) for each in details]


def choose_precision(wanted: str, capabilities: Sequence[tuple[int, int]]) -> str:
    """Return "float32", "bfloat16" or "float16" for `training.precision` on these GPUs.

    "auto" is float32 on a CPU, bfloat16 on GPUs that compute in it (capability 8 and up) and
    float16 on those with tensor cores (7). Raises ConfigurationError for float16 on a CPU, which
    has no arithmetic for it.
    """
    if wanted == "float16" and not capabilities:
        raise ConfigurationError(
            "training.precision cannot be float16 without a GPU.",
            "Allowed on a CPU: auto, float32, bfloat16.",
        )
    if wanted != "auto":
        return wanted
    if not capabilities:
        return "float32"
    weakest = min(capabilities)
    return "bfloat16" if weakest >= (8, 0) else "float16" if weakest >= (7, 0) else "float32"


def available_memory() -> int | None:
    """Return the bytes of memory that can be used, or None where the system does not say."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def describe_machine() -> dict[str, Any]:
    """Return what the manifest says of the machine."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "gpus": [device.name for device in tf.config.list_physical_devices("GPU")],
        "python": platform.python_version(),
    }
