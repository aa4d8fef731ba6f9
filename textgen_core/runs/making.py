"""A file of the cache is made by one process, while others that need it wait and find it made.

The system holds the lock for as long as its process lives. A process that is stopped, or lost with
its machine, has the lock and does nothing: it gives no sign of life any more, and whoever waits
goes on without the lock. That costs work and spoils nothing, since files of the cache are written
whole, under names that tell their contents.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from textgen_core.runs.cache import is_foreign
from textgen_core.runs.lock import is_at, try_lock

SILENT = 30.0  # seconds without a sign of life, after which nobody waits any longer
_BEAT, _POLL = 5.0, 0.1  # seconds between two signs, and between two looks
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextmanager
def making(path: Path, silent: float = SILENT) -> Iterator[None]:
    """Let the block make a file of the cache while no other process does; wait for one that does.

    The block looks first whether the file is there by now. Where there are no locks, as on some
    network shares, nobody waits.

    Args:
        path: the file, whose folder exists.
        silent: seconds without a sign of life of the other, after which the block goes on.
    """
    lock = path.with_name(f".{path.name}.lock")
    descriptor = _take(lock, silent)
    if descriptor is None:
        yield
        return
    ended = threading.Event()
    beats = threading.Thread(target=_beat, args=(lock, ended), daemon=True)
    beats.start()
    try:
        yield
    finally:
        ended.set()
        beats.join()
        with suppress(OSError):  # while it is held, so that nobody else's is removed
            lock.unlink()
        os.close(descriptor)


def _take(lock: Path, silent: float) -> int | None:
    """Return the descriptor of the lock file, held; None where nobody waits for it."""
    last_sign, since = -1, time.monotonic()
    while not is_foreign(lock):  # its owner could keep others from their work for ever
        try:
            descriptor, sign = _look(lock)
        except OSError:
            return None
        if descriptor is not None:
            return descriptor
        if sign != last_sign:  # by the clock of the disk, which may be another machine's
            last_sign, since = sign, time.monotonic()
        elif time.monotonic() - since > silent:
            return None
        time.sleep(_POLL)
    return None


def _look(lock: Path) -> tuple[int | None, int]:
    """Return the descriptor of the lock file if it is held now, and the time of the last sign."""
    descriptor = os.open(lock, _FLAGS, 0o666)
    with ExitStack() as stack:
        stack.callback(os.close, descriptor)
        sign = os.fstat(descriptor).st_mtime_ns
        if try_lock(descriptor) and is_at(descriptor, lock):  # and not one that is removed already
            stack.pop_all()
            return descriptor, sign
    return None, sign


def _beat(lock: Path, ended: threading.Event) -> None:
    while not ended.wait(_BEAT):
        with suppress(OSError):
            os.utime(lock)
