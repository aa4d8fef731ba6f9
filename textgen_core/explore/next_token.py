"""The logits of what follows a text, from whatever computes the model's steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from textgen_core.errors import PluginFailure, RunDirectoryError
from textgen_core.generation.faults import MODEL
from textgen_core.generation.runtime import Runtime


def read_logits_after(runtime: Runtime, token_ids: Sequence[int], name: str) -> np.ndarray:
    """Return the logits, float32 `(vocabulary,)`, of what follows tokens that a state can hold.

    Raises PluginFailure if the model raises, RunDirectoryError if a logit is not finite.
    """
    steps = runtime.steps(1)
    row = np.array(token_ids, np.int32)
    try:
        steps.restart()
        steps.feed(row[None, :-1])
        found: np.ndarray = steps.advance(row[-1:])[0].copy()
    except PluginFailure as error:
        problem = error.problem.replace(MODEL, f"The model {name}", 1)
        raise PluginFailure(problem, error.allowed, error.advice) from error
    finally:
        steps.release()
    check_finite(found, f"The logits of the model {name}")
    return found


def check_finite(values: np.ndarray, what: str) -> None:
    """Raise RunDirectoryError unless all numbers are finite."""
    if not np.isfinite(values).all():
        advice = "Use another run, or train a new one."
        raise RunDirectoryError(f"{what}: not all numbers are finite. It is damaged.", "", advice)
