"""What the machine has, and what follows from it for memory and precision."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

if "tensorflow" not in sys.modules:  # start-up chatter
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

from textgen_core.errors import ConfigurationError
from textgen_core.models.cores import cores

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}

# What XLA raises when it cannot compile an operation.
UNCOMPILABLE = (
    tf.errors.InvalidArgumentError,
    tf.errors.UnimplementedError,
    tf.errors.InternalError,
    tf.errors.NotFoundError,
)

# Parameters of `mallopt`, from malloc.h, and the largest number that it takes.
_TRIM_THRESHOLD, _MMAP_MAX, _LARGEST = -1, -4, 2**31 - 1

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}  # of a processor that multiplies in bfloat16

_NO_LIMIT = 2**60  # bytes: version 1 writes a number like 2^63 where there is no limit

_TOKENS_OF_A_PART = 128  # with fewer, adding up the gradients of parts costs what they save


def prepare_memory() -> None:
    """Take memory as it is needed, and keep it for the next step; call it before building."""
    keep_freed_memory()
    grow_memory()


def grow_memory() -> None:
    """Let TensorFlow take GPU memory as it needs it, not all at once."""
    for device in tf.config.list_physical_devices("GPU"):
        # Once a GPU is in use the setting is fixed, and an earlier caller chose it.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(device, True)


def keep_freed_memory() -> bool:
    """Make the C library keep freed memory, and return whether it does.

    The large tensors of a step are freed at its end. glibc gives such memory back to the system,
    which has to clear it for the next step, page by page: up to a third of the time. Other C
    libraries have no such setting, and glibc is left alone where the environment configures it
    (MALLOC_TRIM_THRESHOLD_ and its like, GLIBC_TUNABLES).
    """
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc
        return False
    return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, _LARGEST))


def run_graphs_as_they_are() -> None:
    """Leave out TensorFlow's rewriting of graphs: it takes longer than a short text does."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def parts_of_batch(rows: int, time: int) -> int:
    """Return into how many parts of its rows a batch is worth splitting: one to a core.

    They are trained on side by side: under XLA, a CPU does much of the work between two matrix
    products on one core. A GPU needs no parts.
    """
    if tf.config.list_logical_devices("GPU"):
        return 1
    return max(1, min(cores(), rows, rows * time // _TOKENS_OF_A_PART))


def describe_gpus() -> list[str]:
    """Return the name of each GPU, as its maker calls it; none on a CPU."""
    return [
        str(tf.config.experimental.get_device_details(device).get("device_name", device.name))
        for device in tf.config.list_physical_devices("GPU")
    ]


def compute_capabilities() -> list[tuple[int, int]]:
    """Return the compute capability of each GPU; none on a CPU."""
    details = [
        tf.config.experimental.get_device_details(device)
        for device in tf.config.list_physical_devices("GPU")
    ]
    return [each.get("compute_capability", (0, 0)) for each in details]


def processor_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return what the processor can do, as Linux names it; nothing on other systems."""
    found = (line.partition(":")[2] for line in _lines(path) if line.startswith("flags"))
    return frozenset(next(found, "").split())


def choose_precision(
    wanted: str,
    capabilities: Sequence[tuple[int, int]] | None = None,
    *,
    bfloat16_on_cpu: bool = False,
    flags: Collection[str] | None = None,
) -> str:
    """Return "float32", "bfloat16" or "float16" for `training.precision`.

    capabilities: of the GPUs; None: of this machine's. flags: of the processor, likewise.
    bfloat16_on_cpu: whether the model trains faster in it on a processor that computes in it.
    "auto" is bfloat16 on such a processor, with such a model, and on GPUs that compute in it
    (capability 8 and up), float16 on those with tensor cores (7), and float32 on all others. Raises
    ConfigurationError for float16 on a CPU, which has no arithmetic for it.
    """
    capabilities = compute_capabilities() if capabilities is None else capabilities
    if wanted == "float16" and not capabilities:
        raise ConfigurationError(
            "training.precision cannot be float16 without a GPU.",
            "Allowed on a CPU: auto, float32, bfloat16.",
        )
    if wanted != "auto":
        return wanted
    if not capabilities:
        flags = processor_flags() if flags is None else flags
        return "bfloat16" if bfloat16_on_cpu and _BFLOAT16_FLAGS & set(flags) else "float32"
    weakest = min(capabilities)
    return "bfloat16" if weakest >= (8, 0) else "float16" if weakest >= (7, 0) else "float32"


def available_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes of memory that can be used, or None where the system does not say.

    On a GPU that is its own memory; else the least of what the system has left and what each
    control group that the process belongs to (a container, a job) may still take. `root` is where
    the system's files lie.
    """
    on_gpu = gpu_memory()
    if on_gpu is not None:
        return on_gpu
    left = [1024 * _numbers(root / "proc/meminfo").get("MemAvailable", _NO_LIMIT)]
    left += [each for each in _memory_of_groups(root) if each is not None]
    return min(left) if min(left) < _NO_LIMIT else None


def resident_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes of memory that this process holds, None where the system does not say."""
    kilobytes = _numbers(root / "proc/self/status").get("VmRSS")
    return None if kilobytes is None else 1024 * kilobytes


def gpu_memory() -> int | None:
    """Return the bytes that can still be taken on the first GPU; None on a CPU.

    What TensorFlow may take at most is settled when it first meets the GPU: what was free then.
    """
    if not tf.config.list_physical_devices("GPU"):
        return None
    try:  # a place of TensorFlow's own that may move
        from tensorflow.python.client import device_lib
    except ImportError:
        return None
    # With other options this would take the whole GPU at once, were it not in use yet.
    options = tf.compat.v1.GPUOptions(allow_growth=True)
    devices = device_lib.list_local_devices(tf.compat.v1.ConfigProto(gpu_options=options))
    limits = [device.memory_limit for device in devices if device.device_type == "GPU"]
    if not limits:
        return None
    used = tf.config.experimental.get_memory_info("GPU:0")["current"]
    return max(0, int(limits[0]) - int(used))


def _memory_of_groups(root: Path) -> Iterator[int | None]:
    """Yield what each control group of the process leaves it, of version 2 and of version 1."""
    for line in _lines(root / "proc/self/cgroup"):
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0":
            mount, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            mount = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # Each group above holds for this one too. In a container the path may be that of the host,
        # which is not there: the mount itself is then the container's group.
        group = mount / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder == mount or mount in folder.parents:
                yield _memory_of_group(folder, *names)


def _memory_of_group(folder: Path, limit: str, usage: str, cached: str) -> int | None:
    """Return what a group may still take; None if it has no limit.

    What it holds of files alone is given back when memory is needed, and does not count.
    """
    most, used = _number(folder / limit), _number(folder / usage)
    if most is None or used is None or most >= _NO_LIMIT:
        return None
    return max(0, most - used + min(used, _numbers(folder / "memory.stat").get(cached, 0)))


def _number(path: Path) -> int | None:
    """Return the number that a file holds; None where there is none, as in "max"."""
    text = "".join(_lines(path)[:1]).strip()
    return int(text) if text.isdecimal() else None


def _numbers(path: Path) -> dict[str, int]:
    """Return the numbers of a file by name: `name 5` or `name:  5 kB`."""
    parts = [line.replace(":", " ").split() for line in _lines(path)]
    return {part[0]: int(part[1]) for part in parts if len(part) > 1 and part[1].isdecimal()}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def describe_machine() -> dict[str, Any]:
    """Return what the manifest says of the machine."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "gpus": [device.name for device in tf.config.list_physical_devices("GPU")],
        "python": platform.python_version(),
    }
