"""Who works on a study, and for how long somebody did: a file for each process, held by a lock.

The operating system releases the lock with the process, whatever ends it. The file says from when
to when the process worked; the study's clock is the union of these times, so that two processes
count once, and a night between two of them does not count.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from textgen_core.errors import RunDirectoryError
from textgen_core.runs.files import file_errors, read_text
from textgen_core.runs.lock import try_lock

_BEAT = 1.0  # seconds between two notes that a process still works
_SILENT = 60.0  # seconds after which one counts as gone where the file system has no locks
_PAUSE = 0.01  # seconds between two attempts
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
_WIDTH = 64  # bytes of a note: it is written over the one before, in one piece


class Presence:
    """This process among those that work on a study."""

    def __init__(self, folder: Path) -> None:
        with file_errors(folder, "written"):
            folder.mkdir(exist_ok=True)
            self.id = secrets.token_hex(6)
            self._file = os.open(_path(folder, self.id), _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # a file system without locks: the times tell
            while not try_lock(self._file):  # somebody is just looking whether it is held
                time.sleep(_PAUSE)
        self._begin, self._since = time.time(), time.monotonic()
        self._over = threading.Event()
        self._note()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    @property
    def lock(self) -> int:
        """The open file that is locked; who inherits it holds the lock too."""
        return self._file

    def close(self) -> None:
        """Note until when it worked, and let others see that it is gone."""
        self._over.set()
        self._thread.join()
        self._note()
        os.close(self._file)

    def _beat(self) -> None:
        while not self._over.wait(_BEAT):
            self._note()

    def _note(self) -> None:
        """Write from when to when it worked; a clock that is set meanwhile changes nothing."""
        last = self._begin + time.monotonic() - self._since
        with suppress(OSError):  # a full disk: the times are short of some seconds
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, f"{self._begin:.3f} {last:.3f}".ljust(_WIDTH - 1).encode() + b"\n")


@contextmanager
def present(folder: Path) -> Iterator[Presence]:
    """Take part in a study while the block runs."""
    presence = Presence(folder)
    try:
        yield presence
    finally:
        presence.close()


def is_present(folder: Path, process: str) -> bool:
    """Return whether a process that works on the study is alive, here or on another machine."""
    path = _path(folder, process)
    try:
        file = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        return not try_lock(file)
    except OSError:
        _, last = _times(path)
        return time.time() - last < _SILENT
    finally:
        os.close(file)


def count_present(folder: Path) -> int:
    """Return how many processes work on the study."""
    return sum(is_present(folder, each.stem) for each in _notes(folder))


def seconds_worked(folder: Path) -> float:
    """Return for how long at least one process worked on the study."""
    total, until = 0.0, 0.0
    for begin, last in sorted(map(_times, _notes(folder))):
        total += max(0.0, last - max(begin, until))
        until = max(until, last)
    return total


def _path(folder: Path, process: str) -> Path:
    return folder / f"{process}.times"


def _notes(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.times"))


def _times(path: Path) -> tuple[float, float]:
    """Return from when to when a process worked; nothing can be said of a damaged note."""
    try:
        begin, last = map(float, read_text(path).split())
    except (RunDirectoryError, ValueError):
        return 0.0, 0.0
    return begin, last
