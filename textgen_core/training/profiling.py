"""A TensorFlow profile of some steps of a run.

The profiler belongs to the whole process, so that it is started right before the first of the steps
and stopped right after the last, or where training ends before that. This module knows nothing
about what a step does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import tensorflow as tf

FOLDER = "profile"  # of a run directory


class Profiler(Protocol):
    """What `tf.profiler.experimental` offers."""

    def start(self, logdir: str) -> None:
        """Begin a profile, to be written into a folder."""

    def stop(self) -> None:
        """End the profile and write it."""


class Profiling:
    """Profiles the steps `(first, last)`, counted from 1, into a folder; None: no step.

    A context that stops the profiler however it is left. `warn` is told where the profiler fails:
    training goes on without it.
    """

    def __init__(
        self,
        steps: tuple[int, int] | None,
        folder: Path,
        warn: Callable[[str], None],
        profiler: Profiler = tf.profiler.experimental,
    ) -> None:
        self._steps = steps
        self._folder = folder
        self._warn = warn
        self._profiler = profiler
        self._running = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def before(self, step: int) -> None:
        """Start before a step that is to be profiled."""
        if self._steps is None or self._running or not covers(self._steps, step - 1, step):
            return
        try:
            self._profiler.start(str(self._folder))
            self._running = True
        except Exception as error:  # a profile is never worth a run
            self._fail(error)

    def after(self, step: int) -> None:
        """Stop after the last step that is to be profiled."""
        if self._steps is not None and step >= self._steps[1]:
            self._stop()

    def _stop(self) -> None:
        if not self._running:
            return
        self._running = False
        try:
            self._profiler.stop()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._steps = None
        cause = str(error).partition("\n")[0].rstrip(".")
        self._warn(f"training.profile: TensorFlow's profiler failed: {cause}. Training goes on.")


def covers(steps: tuple[int, int], before: int, after: int) -> bool:
    """Return whether a training from the step `before` to the step `after` took any of `steps`."""
    return before < steps[1] and after >= steps[0]
