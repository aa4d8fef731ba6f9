"""How far a run has come, in one line that stays in place while others come above it.

On a terminal that is a bar. The shell of a notebook (`!textgen run`) does part of what a terminal
does: there a line of text is written over itself. Elsewhere, in a file or a log, there is none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.control import Control
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.segment import ControlType
from rich.text import Text

from textgen_core.cli.console import Console

_KERNEL = "JPY_PARENT_PID"  # set by a kernel of Jupyter, for itself and what it starts
_PAUSE = 0.5  # seconds between two versions of a notebook's line, which keeps them all


class ProgressLine:
    """The line; it does nothing where none can stay in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._line: _OverwrittenLine | None = None

    @property
    def is_shown(self) -> bool:
        """Whether there is a line."""
        return self._bar is not None or self._line is not None

    def start(self, description: str, *, share: bool = True) -> None:
        """Show the line, if the console can.

        share: whether it will be known how much is done.
        """
        self.stop()
        if not can_stay(self._console):
            return
        if is_notebook():
            self._line = _OverwrittenLine(self._console)
            self._line.write(description)
            return
        done: list[ProgressColumn] = [SpinnerColumn()]
        if share:
            done = [TextColumn("{task.percentage:3.0f}%"), BarColumn(bar_width=20)]
        self._bar = Progress(
            TextColumn(" "),
            *done,
            TextColumn("{task.description}", markup=False),
            console=self._console,
            transient=True,
        )
        self._bar.add_task(description, total=1.0 if share else None)
        self._bar.start()

    def update(self, share: float, description: str) -> None:
        """Show how much is done."""
        if self._bar is not None:
            [task] = self._bar.task_ids
            self._bar.update(task, completed=share, description=description)
        elif self._line is not None:
            self._line.write(f"{share:4.0%}  {description}")

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away for what is printed in the block, and show it again."""
        if self._bar is not None:
            self._bar.stop()
        elif self._line is not None:
            self._line.clear()
        yield
        if self._bar is not None:
            self._bar.start()

    def stop(self) -> None:
        """Remove the line."""
        if self._bar is not None:
            self._bar.stop()
        elif self._line is not None:
            self._line.clear()
        self._bar = self._line = None


class _OverwrittenLine:
    """A line that the next one is written over; the cell of a notebook knows no other way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._length = 0
        self._written_at = 0.0

    def write(self, text: str) -> None:
        now = time.monotonic()
        if now - self._written_at < _PAUSE:
            return
        self._written_at = now
        shown = f"  {text}"[: self._console.width - 1]
        self._put(shown.ljust(self._length))
        self._length = len(shown)

    def clear(self) -> None:
        if self._length:
            self._put(" " * self._length)
            self._put("")
            self._length = 0

    def _put(self, text: str) -> None:
        self._console.print(Text(text), end="")
        self._console.control(Control(ControlType.CARRIAGE_RETURN))


def can_stay(console: Console) -> bool:
    """Return whether a line can stay in place on a console; a pipe is none, whatever it is told."""
    return console.file.isatty() and console.is_terminal and not console.is_dumb_terminal


def is_notebook(environment: Mapping[str, str] | None = None) -> bool:
    """Return whether a cell of a notebook shows what is written."""
    variables: Mapping[str, Any] = os.environ if environment is None else environment
    return bool(variables.get(_KERNEL))
