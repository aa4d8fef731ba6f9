"""With how many threads a program computes a step soonest on this machine.

A program of a few large products gains from a second thread, one of many small ones loses; how
many threads there are changes no bit of what it computes. It is measured once, when it is made.
"""

from __future__ import annotations

import time

import attrs
import numpy as np

from textgen_core.data.tokenizer import START
from textgen_core.programs.model_steps import ModelSteps
from textgen_core.programs.program import Program

MOST = 4  # threads; more seldom gain anything for a single row
ROUNDS, STEPS = 6, 8  # some thirty milliseconds for a row
GAIN = 0.9  # of the time with fewer threads, at most, or the gain is not worth it


def with_threads(program: Program, cores: int) -> Program:
    """Return a model's program that says in its `about` how many `threads` it is to be given."""
    found = 1
    if cores > 1:
        counts = (1, min(cores, MOST))
        steps = [ModelSteps(program, threads) for threads in counts]
        one, several = (min(each) for each in zip(*(map(_seconds, steps) for _ in range(ROUNDS))))
        found = counts[1] if several < GAIN * one else 1
    return attrs.evolve(program, about={**program.about, "threads": found})


def _seconds(steps: ModelSteps) -> float:
    token_ids = np.full((steps.rows,), START, np.int32)
    steps.restart()
    start = time.perf_counter()
    for _ in range(STEPS):
        steps.advance(token_ids)
    return time.perf_counter() - start
