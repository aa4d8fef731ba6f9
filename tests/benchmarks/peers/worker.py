"""The worker's side of a speed benchmark: it works when it is told to, and says what it did.

One line each way: once compiled, the worker writes what it is made of; then every line
`go SECONDS` is answered by one line of JSON with tokens, steps and seconds. This module knows
nothing about any framework, and needs the standard library alone: peers live in environments of
their own.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What a worker serves.

    train: trains, or writes, for about so many seconds, at least one step (or one batch of texts),
    and returns tokens, steps, seconds.
    about: what the table says of it: versions and how it was compiled; read after the first steps.
    """

    train: Callable[[float], Answer]
    about: Answer = field(default_factory=dict)


def serve(build: Callable[[Answer], Peer]) -> None:
    """Build the peer of the JSON in the first argument, and train at each line of the input."""
    channel = _own_channel()
    try:
        peer = build(json.loads(sys.argv[1]))
        first, second = peer.train(0.0), peer.train(0.0)
        peer.train(1.0)
    except Exception as error:
        _say(channel, {"failed": f"{type(error).__name__}: {error}"[:300]})
        raise
    compile_seconds = first["seconds"] / first["steps"] - second["seconds"] / second["steps"]
    _say(channel, {**peer.about, "compile_seconds": max(0.0, compile_seconds)})
    for line in sys.stdin:
        _say(channel, peer.train(float(line.removeprefix("go "))))


def train_by_steps(step: Callable[[], Any], tokens_per_step: int) -> Callable[[float], Answer]:
    """Return how a peer trains that offers one step at a time."""

    def train(seconds: float) -> Answer:
        steps, began = 0, time.perf_counter()
        while True:
            step()
            steps += 1
            passed = time.perf_counter() - began
            if passed >= seconds:
                return {"tokens": steps * tokens_per_step, "steps": steps, "seconds": passed}

    return train


def write_by_texts(write: Callable[[int], Any], tokens: int) -> Callable[[float], Answer]:
    """Return how a peer works that writes whole texts, each from a seed of its own."""
    seeds = itertools.count()
    return train_by_steps(lambda: write(next(seeds)), tokens)


def _own_channel() -> TextIO:
    """Return the standard output, and send to the errors whatever else is printed."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


def _say(channel: TextIO, answer: Answer) -> None:
    channel.write(json.dumps(answer) + "\n")
    channel.flush()
