"""A worker's end of its supervisor: it does not outlive it.

The supervisor holds the other end of the worker's stdin. Once that is closed, whatever ended it,
the worker is told to stop as by SIGTERM, which saves; and is ended if it has not.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping

from textgen_core.training.workers.supervisor import LOST, SUPERVISED

_TO_SAVE = 25.0  # seconds


def end_with_supervisor(environment: Mapping[str, str]) -> bool:
    """Let this process end with its supervisor; return whether its environment tells of one."""
    if SUPERVISED not in environment:
        return False
    threading.Thread(target=_wait, name="textgen-supervisor", daemon=True).start()
    return True


def _wait() -> None:
    try:
        while os.read(0, 1):
            pass
    except OSError:  # a connection that is reset has ended too
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_TO_SAVE)
    os._exit(LOST)
