"""One writer at a time: the lock on a run directory.

The operating system holds it for as long as the process lives, so whatever ends that process, a
SIGKILL or a power cut too, releases it. Who only reads a run asks for no lock.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import shlex
import stat
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import printable, shell_word
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import file_errors, flush_folder, read_json

_SHOWN = 80  # characters of the holder's command
_READ = 4096  # bytes of what it wrote about itself
_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


@contextmanager
def writing(run: RunDirectory, note: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a run directory while the block writes to it.

    note: is told once what this file system cannot do. Raises RunDirectoryError if another process,
    or another call in this one, holds the lock, or if the directory cannot be written.
    """
    descriptor = _open_held(run, note)
    try:
        if not flush_folder(run.path):
            note(
                f"The disk of {run.path} cannot be told to keep what was written: a power cut may "
                "cost the newest checkpoint."
            )
        yield
    finally:
        with suppress(OSError):  # while it is held, so that nobody else's is removed
            run.lock.unlink()
        os.close(descriptor)


def check_writable(run: RunDirectory) -> None:
    """Raise RunDirectoryError if a run directory cannot be written, or somebody else writes it."""
    with writing(run, lambda _: None):
        pass


def is_written_elsewhere(run: RunDirectory) -> bool:
    """Return whether another process of this machine, which is alive, says that it writes a run.

    The lock is not tried, which could keep a writer from it. Where processes cannot be asked for,
    as on Windows, nobody is known to write.
    """
    return _living_holder(run) not in (None, os.getpid())


def is_written(run: RunDirectory) -> bool:
    """Return the same of any process that is alive, this one too."""
    return _living_holder(run) is not None


def _living_holder(run: RunDirectory) -> int | None:
    """Return the id of the process that says it writes a run, if it is alive on this machine."""
    pid = None
    try:
        holder = read_json(run.lock)
        pid, host = holder["pid"], holder["host"]
        if os.name == "nt" or host != platform.node() or not 0 < pid < 2**31:
            return None
        os.kill(pid, 0)
    except PermissionError:  # it is somebody else's
        return pid
    except (RunDirectoryError, OSError, TypeError, KeyError):
        return None
    return int(pid)


def _open_held(run: RunDirectory, note: Callable[[str], None]) -> int:
    """Return the descriptor of the lock file, locked, which says who holds it."""
    while True:
        with file_errors(run.lock, "written"):
            descriptor = _open(run.lock)
        try:
            if not try_lock(descriptor):
                raise _refusal(run, _read_holder(descriptor))
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise
            note(f"The disk of {run.path} has no locks: let no other process write this run.")
        except RunDirectoryError:
            os.close(descriptor)
            raise
        if is_at(descriptor, run.lock):  # and not one that its holder has removed meanwhile
            with suppress(OSError):  # a full disk: who holds it is not known then
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, _describe_holder())
            return descriptor
        os.close(descriptor)


def _open(path: Path) -> int:
    """Open the lock file, which is created where it is missing, and never through a link."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        advice = f"Remove it: rm {shell_word(path)}"
        raise RunDirectoryError(f"{path} is no regular file.", advice=advice)
    descriptor = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return descriptor


def is_at(descriptor: int, path: Path) -> bool:
    """Return whether an open file is the one at a path, where another may lie by now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    _FAR = 2**30  # beyond the text: what is locked there nobody else can read

    def try_lock(descriptor: int) -> bool:
        """Return whether this process holds the lock of an open file now; never wait for it."""
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Return whether this process holds the lock of an open file now; never wait for it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True


def _describe_holder() -> bytes:
    program, *arguments = sys.argv or [""]
    name = Path(program).name
    command = ["textgen" if name == "__main__.py" else name or "python", *arguments]
    holder = {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": textwrap.shorten(shlex.join(command), _SHOWN, placeholder=" ..."),
    }
    return json.dumps(holder).encode()


def _read_holder(descriptor: int) -> dict[str, Any]:
    """Return what the holder wrote about itself: it may have come no further than the lock."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        found = json.loads(os.read(descriptor, _READ))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(run: RunDirectory, holder: dict[str, Any]) -> RunDirectoryError:
    texts = {key: printable(str(value), keep="")[:_SHOWN] for key, value in holder.items()}
    pid, host = texts.get("pid", ""), texts.get("host", "")
    who, stop = "another process", ", or stop it: Ctrl-C there"
    if pid.isdecimal():
        who += f", {pid} on {host or 'an unknown machine'}, since {texts.get('since', '?')}"
        who += f" ({texts['command']})" if texts.get("command") else ""
    if host == platform.node() and pid.isdecimal():
        if int(pid) == os.getpid():
            who, stop = "another call in this process", ""
        else:
            stop = f", or stop it: kill -INT {pid}"
    return RunDirectoryError(
        f"{run.path} is being written by {who}.",
        "Allowed: one writer at a time; `generate`, `score` and `report` may read it meanwhile.",
        f"Wait until it ends{stop}",
    )
