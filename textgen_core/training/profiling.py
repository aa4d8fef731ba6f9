"""A TensorFlow profile of some steps of a run.

The profiler belongs to the whole process, so that it is started right before the first of the steps
and stopped right after the last, or where training ends before that.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import attrs
import tensorflow as tf

from textgen_core.formatting import shell_word

FOLDER = "profile"  # of a run directory


@attrs.define
class Profiling:
    """Profiles the steps `(first, last)`, counted from 1, into a folder; None: no step.

    A context that stops the profiler however it is left. If the profiler fails, `warn` is called,
    and training goes on without it.
    """

    _steps: tuple[int, int] | None
    _folder: Path
    _warn: Callable[[str], None]
    _profiler: Any = tf.profiler.experimental
    _running: bool = attrs.field(default=False, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def before(self, step: int) -> None:
        """Start before a step that is to be profiled."""
        if self._steps is None or self._running or not covers(self._steps, step - 1, step):
            return
        self._running = self._try(self._profiler.start, str(self._folder))

    def after(self, step: int) -> None:
        """Stop after the last step that is to be profiled."""
        if self._steps is not None and step >= self._steps[1]:
            self._stop()

    def _stop(self) -> None:
        if self._running:
            self._running = False
            self._try(self._profiler.stop)

    def _try(self, action: Callable[..., Any], *arguments: Any) -> bool:
        """Have the profiler do something, and return whether it did."""
        try:
            action(*arguments)
        except Exception as error:  # a profile is never worth a run
            self._steps = None
            cause = str(error).partition("\n")[0].rstrip(".")
            failed = f"training.profile: TensorFlow's profiler failed: {cause}."
            self._warn(f"{failed} Training goes on.")
            return False
        return True


def covers(steps: tuple[int, int], before: int, after: int) -> bool:
    """Return whether a training from the step `before` to the step `after` took any of `steps`."""
    return before < steps[1] and after >= steps[0]


def format_profile(
    steps: tuple[int, int] | None, folder: Path, before: int, after: int
) -> tuple[list[str], str]:
    """Return where the profile of steps lies, and a warning if training never came to them.

    Training went from the step `before` to the step `after`.
    """
    if steps is None:
        return [], ""
    if before < after < steps[0]:
        return [], (
            f"No profile was written: training ended at step {after}, before step {steps[0]} of "
            "training.profile."
        )
    if not covers(steps, before, after) or not folder.is_dir():
        return [], ""
    first, last = max(before + 1, steps[0]), min(after, steps[1])
    return [
        f"a profile of steps {first:,} to {last:,}: {folder}",
        f"open it: pip install xprof, then xprof --logdir {shell_word(folder)}",
    ], ""
