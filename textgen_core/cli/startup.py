"""TensorFlow's import, without its start-up chatter, and what is said where it fails; and numpy's.

TensorFlow writes to the process's standard error past Python, so the descriptor itself is
redirected for that time. `--debug` and TF_CPP_MIN_LOG_LEVEL bring the chatter back. A wrong flag of
XLA, or a library that does not fit, ends the whole process there: then a second one, which waits
for that alone, shows what was written.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

from textgen_core.cli.output import fail
from textgen_core.errors import TextgenError, reason_of

_THREADS = "OPENBLAS_NUM_THREADS"
_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_DECIDING = ("TF_XLA_FLAGS", "XLA_FLAGS", "LD_PRELOAD", "LD_LIBRARY_PATH")
_CHATTER = ("I0", "W0", "WARNING: All log messages before absl")  # how lines of a log begin
_ENOUGH = 1 << 16  # bytes of what is written while a process ends
_TOLD = 5  # lines of it that are shown


def import_numpy() -> None:
    """Import numpy without the threads of its linear algebra, which take longer to start than it.

    It is for a command that multiplies no matrices with it. The environment decides if it says how
    many there are to be, and is left as it was.
    """
    if _THREADS in os.environ:
        return
    os.environ[_THREADS] = "1"
    try:
        import numpy as np  # noqa: F401
    finally:
        del os.environ[_THREADS]


def import_tensorflow(*, is_watched: bool = True) -> None:
    """Import TensorFlow and look for devices, quietly unless the user asked otherwise.

    Args:
        is_watched: whether it is told what was written if the process ends meanwhile.

    Raises:
        TextgenError: it cannot be imported.
    """
    if "tensorflow" in sys.modules:
        return
    try:
        _import_quietly(stderr_kept_for_an_end if is_watched else stderr_discarded)
    except TextgenError:
        raise
    except Exception as error:  # of its own extensions, or of another version of what it needs
        if importlib.util.find_spec("tensorflow") is None:
            problem, advice = "TensorFlow is not installed.", "Install it: pip install tensorflow"
        else:
            reason = f"{type(error).__name__}: {reason_of(error)}"
            problem, advice = f"TensorFlow cannot be imported: {reason}", _advice()
        raise TextgenError(problem, advice=advice) from error


def _import_quietly(kept_quiet: Callable[[], AbstractContextManager[None]]) -> None:
    from textgen_core.registry.own_keras import own_keras

    if _LEVEL in os.environ:
        with own_keras():  # which TensorFlow imports
            import tensorflow as tf
    else:
        os.environ[_LEVEL] = "3"
        with kept_quiet(), own_keras():
            import tensorflow as tf

            tf.config.list_physical_devices()


def _advice() -> str:
    """Return what to do where TensorFlow is broken, or made to fail by the environment."""
    reinstall = "einstall TensorFlow: pip install --force-reinstall tensorflow"
    found = [f"{name}={os.environ[name]}" for name in _DECIDING if os.environ.get(name)]
    return f"Unset {', '.join(found)}, or r{reinstall}" if found else f"R{reinstall}"


@contextmanager
def stderr_kept_for_an_end() -> Iterator[None]:
    """Discard what is written to stderr, unless the process ends in the block: then show it."""
    if not hasattr(os, "fork"):
        with stderr_discarded():
            yield
        return
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # or both processes have what is in it
    over = secrets.token_bytes(16)
    reads, writes = os.pipe()
    watching = os.fork()
    if not watching:
        os.close(writes)
        _watch(reads, over)
    os.close(reads)
    kept = os.dup(2)
    os.dup2(writes, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        with suppress(OSError):
            os.write(writes, over)
        os.close(writes)
        os.waitpid(watching, 0)


def _watch(reads: int, over: bytes) -> None:
    """Wait for the other process to say that it is over; if it ends before, say why, and exit."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # they are meant for the other one
        written = b""
        while not written.endswith(over) and (data := os.read(reads, _ENOUGH)):
            written = (written + data)[-_ENOUGH:]
        if not written.endswith(over):
            lines = written.decode("utf-8", errors="replace").splitlines()
            told = [line for line in lines if line and not line.startswith(_CHATTER)][-_TOLD:]
            fail("\n".join(["The program ended while TensorFlow was imported.", *told, _advice()]))
    finally:
        os._exit(0)


@contextmanager
def stderr_discarded() -> Iterator[None]:
    """Discard what is written to the descriptor of stderr, if there is one."""
    with ExitStack() as stack:
        with suppress(OSError):
            if sys.stderr is not None:
                sys.stderr.flush()
            kept = os.dup(2)
            stack.callback(os.close, kept)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, nowhere)
            os.dup2(nowhere, 2)
            stack.callback(os.dup2, kept, 2)
        yield
