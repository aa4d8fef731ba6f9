"""The host's side of a speed benchmark: processes that train in turns, one at a time.

Each contestant lives in a process of its own, so that it is compiled once, and answers one line of
JSON to every `go SECONDS`. This module knows nothing about models; `peers/worker.py` is the other
side.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"
_CLOSING_SECONDS = 20


class Worker:
    """A contestant's process; `about` is what it says of itself, `failed` why it cannot train."""

    def __init__(self, python: Path, script: str, setting: dict[str, Any], log: Path) -> None:
        """Start the process, and wait until it has compiled; what else it prints goes to `log`."""
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(python), str(PEERS / script), json.dumps(setting)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"},
            )
        self.about = self._answer()
        self.failed: str = self.about.get("failed", "")

    def train(self, seconds: float) -> dict[str, Any]:
        """Let it train for so many seconds, and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"go {seconds}\n")
        self._process.stdin.flush()
        return self._answer()

    def processor_seconds(self) -> float:
        """Return the processor time that it has used; 0 where the system does not say."""
        try:
            text = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        except OSError:
            return 0.0
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(_CLOSING_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            return {"failed": f"it ended with exit status {self._process.wait()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer


def take_turns(
    workers: Sequence[Worker], *, rounds: int, seconds: float
) -> tuple[list[list[dict[str, Any]]], float]:
    """Let the workers train in turns, A B C A B C; return their answers, and how idle they wait.

    The answers are one list for each worker. The second value is the share of one core that all
    waiting workers together used: it should be near 0, or they slow the one down whose turn it is.
    """
    answers: list[list[dict[str, Any]]] = [[] for _ in workers]
    waited = used = 0.0
    for _ in range(rounds):
        for number, worker in enumerate(workers):
            others = [each for each in workers if each is not worker]
            before, began = sum(each.processor_seconds() for each in others), time.perf_counter()
            answers[number].append(worker.train(seconds))
            used += sum(each.processor_seconds() for each in others) - before
            waited += time.perf_counter() - began
    return answers, used / max(waited, 1e-9)
