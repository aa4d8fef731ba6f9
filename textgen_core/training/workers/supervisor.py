"""Starts the workers of a training on this machine, and again when one is lost.

A worker is lost when a signal ends it, when it is stopped for long, or when it says that it lost
the others (LOST). Then all are ended, and start again by the same command, which goes on from the
newest checkpoint. Whatever else ends a worker is a fault, which is told. It knows nothing of
training, and imports no TensorFlow: workers are processes that end with a code.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, Any

import attrs

from textgen_core.errors import Interrupted, WorkerLost
from textgen_core.formatting import printable
from textgen_core.training.interruption import SIGNALS
from textgen_core.training.workers.cluster import VARIABLE, Cluster

SUPERVISED = "TEXTGEN_SUPERVISED"  # says that a supervisor holds the other end of stdin
LOST, INTERRUPTED = WorkerLost.exit_code, Interrupted.exit_code
_POLL = 0.1  # seconds
_STOPPED = 10.0  # seconds after which a worker that was stopped is given up
_GRACE = 15.0  # seconds in which the others end by themselves after one did
_LINES = 12  # of what a worker wrote, that are shown


@attrs.define(eq=False)
class _Worker:
    """A worker's process; output: what it wrote, of all but the first; line: open while we live."""

    rank: int
    process: subprocess.Popen[bytes]
    line: socket.socket
    output: IO[bytes] | None
    stopped_at: float | None = None

    @property
    def code(self) -> int | None:
        return self.process.poll()

    def is_stopped(self) -> bool:
        """Return whether a signal stopped it, and none has let it go on."""
        if self.code is not None or not hasattr(os, "waitid"):
            return False
        with suppress(ChildProcessError):
            options = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self.process.pid, options) is not None
        return False

    def send(self, number: int) -> None:
        if self.code is None:
            self.process.send_signal(number)

    def last_lines(self) -> str:
        if self.output is None:
            return ""
        self.output.seek(0)
        text = self.output.read().decode("utf-8", errors="replace")
        return "\n".join(printable(each) for each in text.strip().splitlines()[-_LINES:])


class Supervisor:
    """Runs `size` workers by one command until they are done, and starts them again.

    Args:
        command: returns what each worker runs, asked before every start.
        size: how many workers.
        restarts: how often they are started again at most.
        say: is told what happens to workers.
        environment: what each worker gets beside TF_CONFIG, by its rank.
    """

    def __init__(
        self,
        command: Callable[[], Sequence[str]],
        size: int,
        *,
        restarts: int,
        say: Callable[[str], None],
        environment: Callable[[int], Mapping[str, str]] = lambda _: {},
    ) -> None:
        self._command = command
        self._size = size
        self._restarts = restarts
        self._say = say
        self._environment = environment
        self._workers: list[_Worker] = []
        self._interrupted = False

    def run(self) -> int:
        """Run the workers; return the exit code of the first, or of the worker that failed.

        Raises:
            WorkerLost: a worker was lost more often than they are started again.
        """
        with self._passing_signals():
            for left in range(self._restarts, -1, -1):
                with self._started():
                    code, lost = self._watch()
                if self._interrupted or not lost:
                    return INTERRUPTED if lost else code
                if left:
                    again = self._restarts - left + 1
                    self._say(f"{lost} All start again ({again} of {self._restarts}).")
            raise WorkerLost(f"{lost} They were started again {self._restarts} times.")

    @contextmanager
    def _started(self) -> Iterator[None]:
        """Start the workers; after the block none of them is left."""
        addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(self._size))
        try:
            with ExitStack() as stack:
                for rank in range(self._size):
                    worker = self._start(Cluster(rank, self._size, addresses))
                    self._workers.append(worker)
                    stack.callback(worker.line.close)
                    if worker.output is not None:
                        stack.callback(worker.output.close)
                yield
                self._kill()
        finally:
            self._kill()
            self._workers = []

    def _start(self, cluster: Cluster) -> _Worker:
        told = {VARIABLE: cluster.as_tf_config(), SUPERVISED: "1"}
        environment = {**os.environ, **self._environment(cluster.rank), **told}
        output = None if cluster.is_first else tempfile.TemporaryFile()  # noqa: SIM115
        ours, theirs = socket.socketpair()  # no pipe, in which somebody might look for a text
        with theirs:
            process = subprocess.Popen(
                list(self._command()),
                env=environment,
                stdin=theirs.fileno(),
                stdout=output,
                stderr=output,
                start_new_session=True,  # a Ctrl-C comes from here, and to each once
            )
        return _Worker(cluster.rank, process, ours, output)

    def _watch(self) -> tuple[int, str]:
        """Wait until the workers are done; return a code, and what became of one that was lost."""
        while True:
            time.sleep(_POLL)
            codes = [each.code for each in self._workers]
            if codes[0] == 0:
                return 0, ""
            for worker, code in zip(self._workers, codes, strict=True):
                if code is not None and (code < 0 or code == LOST):
                    return LOST, self._describe_loss()
                if code:
                    return self._failed(worker, code), ""
            if given_up := self._find_stopped():
                return LOST, f"Worker {given_up.rank} has been stopped for {_STOPPED:.0f} seconds."

    def _describe_loss(self) -> str:
        """Say which worker was lost: rather the one that was ended than those that missed it."""
        for worker in self._workers:
            code = worker.code
            if code is not None and code < 0:
                return f"Worker {worker.rank} was ended by {_name_of(-code)}."
        if given_up := next((each for each in self._workers if each.is_stopped()), None):
            return f"Worker {given_up.rank} has been stopped."
        return "The workers have lost each other."

    def _find_stopped(self) -> _Worker | None:
        now = time.monotonic()
        for worker in self._workers:
            if not worker.is_stopped():
                worker.stopped_at = None
            elif worker.stopped_at is None:
                worker.stopped_at = now
            elif now - worker.stopped_at > _STOPPED:
                return worker
        return None

    def _failed(self, worker: _Worker, code: int) -> int:
        """Return the code to end with after a worker did with one; say what only others know.

        All may fail alike: then the first one says so itself, as it does where it is interrupted.
        """
        first = self._workers[0]
        until = time.monotonic() + _GRACE
        while first.code is None and time.monotonic() < until:
            time.sleep(_POLL)
        if first.code and first.code > 0 and first.code != LOST:
            return first.code
        if code != INTERRUPTED:
            self._say(f"Worker {worker.rank} of {self._size} failed:\n{worker.last_lines()}")
        return code

    def _kill(self) -> None:
        """End what is left of the workers: SIGKILL also ends one that is stopped."""
        if self._workers and self._workers[0].code == 0:
            until = time.monotonic() + _GRACE
            while any(each.code is None for each in self._workers) and time.monotonic() < until:
                time.sleep(_POLL)
        for each in self._workers:
            if each.code is None:
                each.process.kill()
        for each in self._workers:
            each.process.wait()

    @contextmanager
    def _passing_signals(self) -> Iterator[None]:
        """Pass on what this process is sent; a Ctrl-Z stops the workers as well."""

        def pass_on(number: int, _frame: Any) -> None:
            self._interrupted = True
            for each in self._workers:
                each.send(number)

        def stop(_number: int, _frame: Any) -> None:
            for each in self._workers:
                each.send(signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGSTOP)
            for each in self._workers:
                each.send(signal.SIGCONT)

        handlers: dict[int, Callable[[int, Any], None]] = dict.fromkeys(SIGNALS, pass_on)
        if hasattr(signal, "SIGTSTP"):
            handlers[signal.SIGTSTP] = stop
        before = {
            number: signal.signal(number, handler)
            for number, handler in handlers.items()
            if signal.getsignal(number) not in (signal.SIG_IGN, None)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nothing listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def this_program(*arguments: str) -> list[str]:
    """Return the command line of textgen, as this process runs it."""
    return [sys.executable, "-m", "textgen_core", *arguments]
