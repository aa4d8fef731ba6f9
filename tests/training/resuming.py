"""Two runs compared bit for bit, the smallest command lines that train, and how to kill them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.numpy

CLOCK = ("seconds", "tokens_per_second")
SETTINGS = {
    "data.sequence_length": 16,
    "data.stride": 16,
    "generation.max_new_tokens": 4,
    "generation.samples": 1,
    "evaluation.prompts": 2,
    "evaluation.continuation_tokens": 4,
    "training.schedule": "plateau",
}
API = {
    "recipe": "first",
    "tokenizer": "character",
    "sampler": "greedy",
    "epochs": 2,
    "batch_size": 4,
    "learning_rate": 0.01,
    "settings": SETTINGS,
}
TINY = [
    *("--recipe", "first", "--tokenizer", "character", "--sampler", "greedy"),
    *("--epochs", "2", "--batch-size", "4", "--learning-rate", "0.01"),
]
MODELS = {
    "lstm": "lstm:units=8,layers=2,embedding=6,dropout=0.3",
    "transformer": "transformer:layers=1,heads=2,head_size=4,feed_forward=8,dropout=0.2",
}

WAYS = {
    "windows": {"data.stride": 12, "training.accumulate": 2, "training.checkpoint_seconds": 0.05},
    "streams": {
        "data.batching": "stream",
        "data.stream_length": 32,
        "training.optimizer": "muon",
        "training.average": 0.9,
    },
}


def settings_of(way: str, compile: str = "eager") -> dict[str, object]:
    """Eager steps are soonest done; one way is compiled with XLA, where that is the claim."""
    return {**SETTINGS, **WAYS[way], "training.compile": compile}


def write_corpus(path: Path, characters: int = 2500) -> Path:
    """Write a text of at least so many characters, the same every time."""
    draw = random.Random(3)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "ran", "to", "warm", "red", "barn"]
    text = ""
    while len(text) < characters:
        text += draw.choice(words) + " "
    path.write_text(text.rstrip(), encoding="utf-8")
    return path


def tensors_of(run: Path) -> dict[str, bytes]:
    """Every tensor of the newest checkpoint, as bytes with its type."""
    newest = max((run / "checkpoints").glob("step-*"))
    found = {"checkpoint": newest.name.encode()}
    for file in sorted(newest.glob("*.safetensors")):
        for key, array in safetensors.numpy.load_file(file).items():
            found[f"{file.name}/{key}"] = f"{array.dtype}{array.shape}".encode() + array.tobytes()
    return found


def rows_of(path: Path) -> list[dict[str, object]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{key: row[key] for key in row if key not in CLOCK} for row in rows]


def differences(one: Path, other: Path) -> list[str]:
    """What differs of checkpoint, logs, best and evaluation, but for measured times."""
    found = [] if tensors_of(one) == tensors_of(other) else ["tensors"]
    for name in ("metrics.jsonl", "samples.jsonl"):
        if rows_of(one / name) != rows_of(other / name):
            found.append(name)
    for name in ("best.json", "evaluation.json"):  # without phase 5 neither has an evaluation
        texts = [
            (run / name).read_text() if (run / name).exists() else None for run in (one, other)
        ]
        if texts[0] != texts[1]:
            found.append(name)
    return found


def assert_same_run(one: Path, other: Path) -> None:
    assert differences(one, other) == []


def last_step(run: Path) -> int:
    """The step of the last whole row in a run's log; 0 before the first."""
    try:
        lines = (run / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return 0
    return int(json.loads(lines[-1])["step"]) if lines else 0


# ---- a process that is killed ------------------------------------------------------------------


class Session:
    """The real command in a process of its own, watched through its run directory."""

    def __init__(self, run: Path, *arguments: object, env: Mapping[str, str] | None = None) -> None:
        self.run = run
        self.process = subprocess.Popen(
            [sys.executable, "-m", "textgen_core", *map(str, arguments)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, happened: Callable[[], bool], pause: float = 0.002) -> bool:
        """Return whether it happened before the process ended."""
        while not happened():
            if self.process.poll() is not None:
                return False
            if pause:
                time.sleep(pause)
        return True

    def send(self, number: int) -> tuple[int, str]:
        """Send a signal; return the exit status and what was written to stderr."""
        self.process.send_signal(number)
        error = self.process.communicate(timeout=300)[1]
        return self.process.returncode, error

    def half_written(self) -> list[str]:
        """The folders of checkpoints that this process has begun to write."""
        try:
            names = [each.name for each in (self.run / "checkpoints").iterdir()]
        except FileNotFoundError:
            return []
        return [name for name in names if name.endswith(f".{self.process.pid}")]
