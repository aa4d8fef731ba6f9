"""What a block of code does to files, to the network and to processes, by Python's audit events.

They tell what Python does in the thread that runs the block, and nothing of what a library written
in C or Rust opens by itself.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC

# Events that change files: for each path, its place among the arguments, and the place of the
# descriptor of the folder that it is relative to.
_PATHS: Mapping[str, tuple[tuple[int, int | None], ...]] = {
    "open": ((0, None),),
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "sqlite3.connect": ((0, None),),
}
_CONNECTIONS: Mapping[str, Callable[[Any], str]] = {
    "socket.connect": lambda given: f"it connects to {given[1]}",
    "socket.bind": lambda given: f"it waits for connections at {given[1]}",
    "socket.sendto": lambda given: f"it sends to {given[1]}",
    "socket.getaddrinfo": lambda given: f"it looks up {given[0]!r}",
    "socket.gethostbyname": lambda given: f"it looks up {given[0]!r}",
}
_PROCESSES: Mapping[str, Callable[[Any], str]] = {
    "subprocess.Popen": lambda given: f"it starts {given[1] or given[0]!r}",
    "os.system": lambda given: f"it starts {given[0]!r}",
    "os.posix_spawn": lambda given: f"it starts {given[0]!r}",
    "os.spawn": lambda given: f"it starts {given[1]!r}",
    "os.exec": lambda given: f"it becomes {given[0]!r}",
    "os.fork": lambda _: "it forks",
}


@attrs.frozen
class Act:
    """One thing that was done, in words; of a write, `path` is the absolute path written to."""

    kind: Literal["write", "connection", "process"]
    words: str
    path: str = ""


_acts: dict[int, list[Act]] = {}  # of the threads that are watched, by their ids


@contextmanager
def watched() -> Iterator[list[Act]]:
    """Watch this thread while the block runs; the list has what it did, once the block is over.

    Left out are writes to the null device, to what came into the temporary folder since the block
    began, and to the compiled modules of an import.
    """
    _install_hook()
    thread = threading.get_ident()
    temporary = Path(tempfile.gettempdir()).resolve()
    before = {each.name for each in temporary.iterdir()}
    acts: list[Act] = []
    found: list[Act] = []
    _acts[thread] = found
    try:
        yield acts
    finally:
        del _acts[thread]
        acts += [each for each in found if not _is_allowed(each, temporary, before)]


def _is_allowed(act: Act, temporary: Path, before: set[str]) -> bool:
    if act.kind != "write":
        return False
    path = Path(act.path)
    path = path.parent.resolve() / path.name
    if path in (Path(os.devnull), temporary) or "__pycache__" in path.parts:
        return True  # a file without a name is opened by the temporary folder's
    # What was there before, a project perhaps, is no temporary file.
    return temporary in path.parents and path.relative_to(temporary).parts[0] not in before


@functools.cache
def _install_hook() -> None:
    """Add the hook once: it stays as long as the process, and does nothing unless one watches."""
    sys.addaudithook(_notice)


def _notice(event: str, given: tuple[Any, ...]) -> None:
    acts = _acts.get(threading.get_ident()) if _acts else None
    if acts is None:
        return
    if event in _PATHS:
        acts.extend(_writes(event, given))
    elif event in _CONNECTIONS and not _is_local(given):
        acts.append(Act("connection", _CONNECTIONS[event](given)))
    elif event in _PROCESSES:
        acts.append(Act("process", _PROCESSES[event](given)))


def _writes(event: str, given: tuple[Any, ...]) -> Iterator[Act]:
    if event == "open" and not (given[2] or 0) & _WRITING:
        return
    for place, folder in _PATHS[event]:
        path = _absolute(given[place], -1 if folder is None else given[folder])
        if path:
            yield Act("write", f"it writes {path} ({event})", path)


def _absolute(path: Any, folder: int) -> str:
    """Return an absolute path; an empty string for a file that is open, or held in memory."""
    if isinstance(path, int) or path in (":memory:", b":memory:", ""):
        return ""
    name = os.fsdecode(path)
    if folder >= 0 and not os.path.isabs(name):  # noqa: PTH117
        try:
            name = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)  # noqa: PTH115, PTH118
        except OSError:  # only Linux says where an open folder is
            return ""
    return os.path.abspath(name)  # noqa: PTH100


def _is_local(given: tuple[Any, ...]) -> bool:
    """Whether a socket's address is a file: a connection that stays on this machine."""
    import socket

    family = getattr(given[0], "family", None)
    return family is not None and family == getattr(socket, "AF_UNIX", None)
