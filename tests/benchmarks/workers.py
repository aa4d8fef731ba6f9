"""The host's side of a speed benchmark: processes that train in turns, one at a time.

Each contestant lives in a process of its own, so that it is compiled once, and answers one line of
JSON to every `go SECONDS`. This module knows nothing about models; `peers/worker.py` is the other
side.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"
_CLOSING_SECONDS = 20


class Worker:
    """A contestant's process; `about` is what it says of itself, `failed` why it cannot train."""

    def __init__(
        self,
        python: Path,
        script: str,
        setting: dict[str, Any],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start the process, and wait until it has compiled; what else it prints goes to `log`.

        What torch.compile made for earlier processes is not used: its time would be nothing.
        """
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(python), str(PEERS / script), json.dumps(setting)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={
                    **os.environ,
                    "TF_CPP_MIN_LOG_LEVEL": "2",
                    "TORCHINDUCTOR_CACHE_DIR": str(log.with_suffix(".compiled")),
                    **(environment or {}),
                },
            )
        self.about = self._answer()
        self.failed: str = self.about.get("failed", "")

    def train(self, seconds: float) -> dict[str, Any]:
        """Let it train for so many seconds, and return its answer.

        Raises RuntimeError if it ended instead.
        """
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the answer says that it has ended
            self._process.stdin.write(f"go {seconds}\n")
            self._process.stdin.flush()
        answer = self._answer()
        if "failed" in answer:
            raise RuntimeError(f"{self._log.stem}: {answer['failed']}")
        return answer

    def processor_seconds(self) -> float:
        """Return the processor time that it has used; 0 where the system does not say."""
        try:
            text = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return 0.0
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the process; a second time does nothing."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # it has ended already
                self._process.stdin.close()
            self._process.wait(_CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            printed = self._log.read_text(encoding="utf-8", errors="replace").strip()
            return {"failed": f"ended with status {status}: {printed.rpartition(chr(10))[2]}"}
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True, kw_only=True)
class Turns:
    """What came of the turns.

    answers: a list for each worker. waiting: the share of one core that all waiting workers used
    together, near 0 or they slow the one down whose turn it is. others: the share of one core that
    other programs used, None where the system does not say.
    """

    answers: list[list[dict[str, Any]]]
    waiting: float
    others: float | None


def take_turns(workers: Sequence[Worker], *, rounds: int, seconds: float) -> Turns:
    """Let the workers train in turns, A B C A B C, so many rounds."""
    answers: list[list[dict[str, Any]]] = [[] for _ in workers]
    began, busy_before, waiting = time.perf_counter(), _busy_seconds(), 0.0
    ours_before = _seconds_of(workers) + time.process_time()
    for _ in range(rounds):
        for number, worker in enumerate(workers):
            idle = [each for each in workers if each is not worker]
            before = _seconds_of(idle)
            answers[number].append(worker.train(seconds))
            waiting += _seconds_of(idle) - before
    passed = max(time.perf_counter() - began, 1e-9)
    others = None
    if busy_before is not None and (busy := _busy_seconds()) is not None:
        ours = _seconds_of(workers) + time.process_time() - ours_before
        others = max(0.0, busy - busy_before - ours) / passed
    return Turns(answers=answers, waiting=waiting / passed, others=others)


def _seconds_of(workers: Sequence[Worker]) -> float:
    return sum(worker.processor_seconds() for worker in workers)


def _busy_seconds() -> float | None:
    """Return the seconds that all cores together have worked; None where no file says it."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _idle, _waiting, irq, soft_irq = map(int, first[1:8])
    return (user + nice + system + irq + soft_irq) / os.sysconf("SC_CLK_TCK")
