"""How many processor cores there are, told without TensorFlow: programs need it too."""

from __future__ import annotations

import os

THREADS = "TF_NUM_INTRAOP_THREADS"  # TensorFlow's own variable


def cores() -> int:
    """Return how many processor cores this process may compute on.

    It is fewer than there are where TensorFlow was told so, as the workers on one machine are.
    """
    told = os.environ.get(THREADS, "")
    return min(int(told), all_cores()) if told.isdecimal() and int(told) else all_cores()


def all_cores() -> int:
    """Return how many processor cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
