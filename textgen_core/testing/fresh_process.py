"""Runs lines of Python on a class in a process in which nothing of it has been imported yet.

On Linux a server forks for each request, so that what all requests need, TensorFlow for a model, is
imported once. Elsewhere, where forking is not safe, each request has an interpreter of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from textgen_core.registry.own_keras import VARIABLES
from textgen_core.testing.check import ConformanceFault

SECONDS = 120  # after which a request counts as stuck
NOT_FOUND = "a fresh process cannot import the class, so nothing was run there"

_FORKS = sys.platform == "linux"
_SERVER = """
import importlib, json, os, sys

sys.path[:] = json.loads(sys.stdin.readline())
forks, *preloaded = json.loads(sys.argv[1])
for name in preloaded if forks else ():
    importlib.import_module(name)
replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a component prints is no reply

def answer(request):
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[:], module = request["path"], request["module"]
    names = {"given": request["given"], "before": set(sys.modules)}
    try:
        names["module"] = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise  # the module is there, and another that it imports is not
        return {"found": None}
    exec(request["code"], names)
    return {"found": names["found"]}

for line in sys.stdin:
    if forks and (child := os.fork()):
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            print(json.dumps({"failed": f"exit code {code}"}), file=replies, flush=True)
        continue
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        reply = answer(json.loads(line))
    except BaseException as error:
        reply = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), file=replies, flush=True)
    os._exit(0)
"""

_servers: dict[tuple[str, ...], subprocess.Popen[str]] = {}


def run_fresh(
    cls: type, code: str, given: Any, *, hash_seed: str = "1", preloaded: Sequence[str] = ()
) -> Any:
    """Import the module of a class in a fresh process, run code there, and return what it found.

    The code is given `module`, the names of the modules loaded `before` it, and `given`, a value as
    JSON holds it; what it leaves in `found` is returned, and None if there is no such module there.
    hash_seed: PYTHONHASHSEED, which decides the order of sets of texts. preloaded: modules beside
    the kit's that may be imported before. Raises ConformanceFault if the code raises, or its
    process ends or is stuck.
    """
    if cls.__module__ == "__main__" or "<locals>" in cls.__qualname__:
        return None
    request = {
        "directory": os.getcwd(),  # noqa: PTH109
        "environment": {**os.environ, **VARIABLES, "PYTHONHASHSEED": hash_seed},
        "path": sys.path,
        "module": cls.__module__,
        "code": code,
        "given": given,
    }
    key = (hash_seed, "textgen_core.testing", *preloaded)
    server = _servers.get(key) or _started(key)
    timer, line = threading.Timer(SECONDS, _kill, [server]), ""
    timer.start()
    try:
        _send(server, request)
        line = server.stdout.readline()  # type: ignore[union-attr]
    except BrokenPipeError:
        pass  # it has ended
    finally:
        timer.cancel()
        if not line or not _FORKS:
            _end(key)  # a reply that comes late must not be taken for the next
    reply = json.loads(line or "{}")
    if "found" in reply:
        return reply["found"]
    raise ConformanceFault(
        f"In a fresh process: {reply.get('failed', f'it ended, or took more than {SECONDS} s')}."
    )


def _started(key: tuple[str, ...]) -> subprocess.Popen[str]:
    hash_seed, *preloaded = key
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, json.dumps([_FORKS, *preloaded])],
        env={**os.environ, **VARIABLES, "PYTHONHASHSEED": hash_seed},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        start_new_session=_FORKS,  # its forks are ended with it
    )
    _send(process, sys.path)
    _servers[key] = process
    return process


def _send(server: subprocess.Popen[str], value: Any) -> None:
    assert server.stdin is not None
    server.stdin.write(json.dumps(value) + "\n")
    server.stdin.flush()


def _kill(server: subprocess.Popen[str]) -> None:
    """Kill a server, and what it forked."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL) if _FORKS else server.kill()


def _end(key: tuple[str, ...]) -> None:
    with suppress(BrokenPipeError), _servers.pop(key) as server:
        _kill(server)


@atexit.register
def _end_all() -> None:
    for key in [*_servers]:
        _end(key)
