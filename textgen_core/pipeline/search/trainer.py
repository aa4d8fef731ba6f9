"""The trials of a search are trained by a process of its own, which is replaced.

What XLA compiled for a trial stays in memory until the process ends, and memory that runs out ends
it too: the search survives both. Lines of JSON go to and fro over its standard streams, and it ends
with the search, which closes its stdin. Until it has ended, it holds the study's lock too.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from textgen_core.errors import (
    DiskTooSmall,
    Interrupted,
    OutOfMemory,
    PluginFailure,
    RunDirectoryError,
    TextgenError,
)
from textgen_core.pipeline.search.journal import Entry
from textgen_core.pipeline.search.study import Study
from textgen_core.training.callbacks import Callback
from textgen_core.training.interruption import SIGNALS, Interruption, listening

Message = dict[str, Any]
MOST_GROWTH = 2**30  # bytes of resident memory beyond those after the first trial
_LOOK = 0.1  # seconds between two looks whether the user stops the search
_TO_END = 5.0  # seconds for a process that has nothing to do
_KINDS = {each.__name__: each for each in (Interrupted, RunDirectoryError, DiskTooSmall)}
# After these a process may be of no use to the next trial: a device in error, memory in pieces.
_WORN = ("", OutOfMemory.__name__, PluginFailure.__name__)
_BEGIN = """
import json, sys
given = json.loads(sys.argv[1])
sys.path[:] = given.pop("path")
from textgen_core.cli.tune_worker import main
main(**given)
"""


class ProcessEnded(Exception):
    """The process that trains has ended by itself; the text says how."""


class Trainer:
    """Trains trials of a study in one process after another.

    follower: is told of warnings and progress. command: starts a process, see `training_process`.
    """

    def __init__(
        self, study: Study, follower: Callback, command: Sequence[str] | None = None
    ) -> None:
        self._study = study
        self._follower = follower
        self._command = command or _command(study)
        self._process: _Process | None = None
        self._has_begun = False

    def begin(self) -> None:
        """Wait for the first process, without which nothing can be trained.

        Raises TextgenError, which says what keeps it from its work.
        """
        if self._has_begun:
            return
        try:
            with self._following():
                self._has_begun = True
        except ProcessEnded as error:
            advice = "See why: textgen run CORPUS, with what the study was asked for."
            problem = f"The process that trains {error} as it began."
            raise TextgenError(problem, advice=advice) from error

    def train(self, entry: Entry) -> Message:
        """Train and score a trial, and return what was measured.

        Raises ProcessEnded, and whatever kept the trial from its end: an error of textgen that is
        none of the trial's by its kind, any other as TextgenError.
        """
        with self._following() as (process, interruption):
            process.send({"trial": entry.id})
            while not (message := process.receive(interruption)).keys() & {"result", "failed"}:
                self._tell(entry, message)
                if "gauge" in message:
                    process.send({"gauge": self._study.agree_on_gauge(message["gauge"])})
        self._replace_worn(process, message)
        if "failed" in message:
            raise _error_of(message)
        return dict(message["result"])

    def close(self) -> None:
        """End the process, if there is one."""
        self._end(at_once=False)

    @contextmanager
    def _following(self) -> Iterator[tuple[_Process, Interruption]]:
        """Yield a process that is ready; it is ended if the block raises."""
        with listening() as interruption:
            try:
                if self._process is None:
                    self._process = _Process(self._command, self._study.lock)
                    message = self._process.receive(interruption)
                    if "failed" in message:
                        raise _error_of(message)
                yield self._process, interruption
            except BaseException:
                self._end(at_once=True)
                raise

    def _tell(self, entry: Entry, message: Message) -> None:
        if "steps" in message:
            if entry.steps is None:
                self._study.journal.note(entry.id, steps=message["steps"])
        elif "warning" in message:
            self._follower.on_warning(message["warning"])
        elif "progress" in message:
            self._follower.on_training_row({}, message["progress"])

    def _replace_worn(self, process: _Process, message: Message) -> None:
        """End a process that holds much more memory than its first trial left, or failed badly."""
        resident = message["resident"]
        if "failed" in message and message["kind"] in _WORN:
            self._end(at_once=False)
        elif resident is None:
            return
        elif process.resident is None and "result" in message:
            process.resident = resident
        elif process.resident is not None and resident - process.resident > MOST_GROWTH:
            self._end(at_once=False)

    def _end(self, *, at_once: bool) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end(at_once=at_once)


class _Process:
    """A process that trains. resident: its memory after its first trial, once that is known."""

    def __init__(self, command: Sequence[str], lock: int) -> None:
        self.resident: int | None = None
        with _signals_held():
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(lock,) if os.name == "posix" else (),
            )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._writes, self._reads = self._popen.stdin, self._popen.stdout
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, message: Message) -> None:
        """Send a message; that nobody reads it is noticed when there is no answer."""
        with suppress(OSError):
            send(self._writes, message)

    def receive(self, interruption: Interruption) -> Message:
        """Return the next message; raises ProcessEnded, and Interrupted if the user stops it."""
        message, is_over = None, False
        while message is None and not is_over:
            if interruption.requested:
                raise Interrupted("The trial was stopped.")
            try:
                message = self._messages.get(timeout=_LOOK)
                is_over = message is None
            except queue.Empty:  # whatever it has started may still hold its stdout
                is_over = self._popen.poll() is not None
        if message is None:
            raise ProcessEnded(self._describe_end())
        return message

    def end(self, *, at_once: bool) -> None:
        """End it; if it is to end at once, it is not asked to."""
        with suppress(OSError):
            self._writes.close()
        try:
            if not at_once:
                with suppress(subprocess.TimeoutExpired):
                    self._popen.wait(_TO_END)
        finally:
            self._popen.kill()
            self._popen.wait()
        self._reader.join(_TO_END)
        if not self._reader.is_alive():
            self._reads.close()

    def _read(self) -> None:
        with suppress(OSError, ValueError):  # it ended in the middle of a line
            for line in self._reads:
                self._messages.put(json.loads(line))
        self._messages.put(None)

    def _describe_end(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self._popen.wait(_TO_END)
            if code >= 0:
                return f"ended with exit code {code}"
            with suppress(ValueError):  # a signal without a name
                return f"was ended by {signal.Signals(-code).name}"
        return "was ended"


def send(file: IO[bytes], message: Message) -> None:
    """Send a message to the other side."""
    file.write(json.dumps(message).encode("ascii") + b"\n")
    file.flush()


def describe_error(error: BaseException, reason: str) -> Message:
    """Return an error as it is sent; reason: what to say of one that is not textgen's own."""
    if isinstance(error, TextgenError):
        texts = [error.problem, error.allowed, error.advice]
        return {"failed": texts, "kind": type(error).__name__}
    return {"failed": [f"{type(error).__name__}: {reason}"], "kind": ""}


def _error_of(message: Message) -> TextgenError:
    return _KINDS.get(message["kind"], TextgenError)(*message["failed"])


def _command(study: Study) -> list[str]:
    """Return the command of a process; it needs no guard in a script that starts a search."""
    is_debugged = logging.getLogger("textgen_core").isEnabledFor(logging.DEBUG)
    given = {"path": sys.path, "study": str(study.directory), "is_debugged": is_debugged}
    return [sys.executable, "-P", "-c", _BEGIN, json.dumps(given)]


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals back in the block: a process that begins there ignores them once it can."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
