"""One whole `textgen run` as a person starts it, and the figures that it leaves behind.

This module knows nothing about what the figures are compared with.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RunFigures:
    """What a run reached: nats and perplexity per token over the split that it was scored on.

    training_seconds: phase 4, with compilation and validations; seconds: the whole command.
    """

    model: str
    parameters: int
    steps: int
    training_tokens: int
    training_seconds: float
    seconds: float
    split: str
    scored_tokens: int
    loss: float
    perplexity: float
    bits_per_byte: float


def run_and_read(arguments: Sequence[str], directory: Path) -> RunFigures:
    """Run `textgen run` with these arguments into a new directory; return what it reached.

    What it tells goes to the errors, so that the table alone is on the output. Raises
    CalledProcessError if the run fails.
    """
    began = time.perf_counter()
    command = [sys.executable, "-m", "textgen_core", "run", *arguments, "--out", str(directory)]
    print(" ".join(command), file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=sys.stderr)
    return read_figures(directory, time.perf_counter() - began)


def read_figures(directory: Path, seconds: float) -> RunFigures:
    """Return the figures of a finished run directory."""
    evaluation = _read(directory / "evaluation.json")
    manifest = _read(directory / "manifest.json")
    newest = max((directory / "checkpoints").glob("step-*"), key=lambda each: each.name)
    state = _read(newest / "state.json")
    return RunFigures(
        model=next(each["name"] for each in manifest["components"] if each["kind"] == "model"),
        parameters=manifest["model"]["parameters"],
        steps=state["step"],
        training_tokens=state["tokens"],
        training_seconds=state["seconds"],
        seconds=seconds,
        split=evaluation["split"],
        scored_tokens=evaluation["tokens"],
        loss=evaluation["loss"],
        perplexity=evaluation["perplexity"],
        bits_per_byte=evaluation["bits_per_byte"],
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
