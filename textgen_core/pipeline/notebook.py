"""A run in IPython: a display that is updated in place in a notebook, lines in a terminal.

IPython is never imported for it: who uses it has imported it. Whatever goes wrong with the display
ends the display, and not the run.
"""

from __future__ import annotations

import math
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textgen_core.formatting import format_message, printable, say
from textgen_core.pipeline.ipython import cell_number, find_shell
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.run_page import (
    Progress,
    add_point,
    page,
    progress_line,
    progress_page,
    read_losses,
    summary_page,
)
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import is_there
from textgen_core.training.callbacks import PHASES, Callback

_PAUSE = 0.5  # seconds between two pages: a page is drawn again as a whole
_SAMPLE = 2000  # characters of a sample shown while training


class Screen:
    """A place in the output of a cell: what is shown there again replaces what was."""

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._id = uuid.uuid4().hex
        self._is_shown = False

    def show(self, page: str, text: str) -> None:
        """Show HTML; `text` is for where there is none."""
        bundle = {"text/html": page, "text/plain": text}
        self._display(bundle, raw=True, display_id=self._id, update=self._is_shown)
        self._is_shown = True


class NotebookCallback(Callback):
    """Shows a run in a notebook. `clock` counts seconds."""

    def __init__(self, screen: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen: Screen | None = screen
        self._clock = clock
        self._shown_at = -math.inf
        self._ends_at = math.inf  # by the clock, in a run of minutes
        self._directory: RunDirectory | None = None
        self.progress = Progress(
            phases=[say(each) for each in PHASES.values()], doing=say("Starting")
        )
        self._show(now=True)

    def on_run_begin(self, directory: str) -> None:
        self._directory = RunDirectory(Path(directory))
        self.progress.name = self._directory.name
        self._show(now=True)

    def on_phase(self, number: int) -> None:
        progress = self.progress
        progress.phase, progress.share, progress.doing, progress.left = number, None, "", None
        self._show(now=True)

    def on_message(self, lines: Sequence[str]) -> None:
        self.progress.found.setdefault(self.progress.phase, []).extend(lines)

    def on_detail(self, lines: Sequence[str]) -> None:
        self.on_message(lines)

    def on_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        for row in (columns, *rows):
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.on_message(["  ".join(cells).rstrip()])

    def on_progress(self, what: str, done: int, total: int) -> None:
        self.progress.doing, self.progress.share = what, done / total if total else 1.0
        self._show()

    def on_warning(self, text: str) -> None:
        self.progress.warnings.append(format_message(text))
        self._show()

    def on_estimate(self, seconds: float, steps: int | None) -> None:
        self._ends_at = self._clock() + seconds if steps is None else math.inf
        self.progress.doing, self.progress.left = say("compiling"), seconds
        self._show(now=True)

    def on_training_row(self, row: Mapping[str, Any], progress: float) -> None:
        shown = self.progress
        left = row["seconds"] * (1 - progress) / progress if progress > 0.01 else None
        if self._ends_at < math.inf:  # minutes are kept to, whatever the speed so far
            left = max(0.0, self._ends_at - self._clock())
        shown.share, shown.doing, shown.left = progress, "", left
        shown.figures = {
            **shown.figures,
            say("step"): f"{row['step']:,}",
            say("epoch"): str(row["epoch"]),
            say("training loss"): f"{row['loss']:.3f}",
            say("tokens a second"): f"{row['tokens_per_second']:,.0f}",
        }
        if not shown.training and self._directory is not None:  # with those of before, if resumed
            shown.training, shown.validation = read_losses(self._directory)
        else:
            add_point(shown.training, row, "loss")
        self._show()

    def on_validation_row(self, row: Mapping[str, Any]) -> None:
        add_point(self.progress.validation, row, "validation_loss")
        bits = f"{row['validation_bits_per_byte']:.3f}"
        self.progress.figures = {**self.progress.figures, say("bits per byte on new text"): bits}
        self._show(now=True)

    def on_sample(self, row: Mapping[str, Any]) -> None:
        self.progress.sample = (str(row["prompt"]), str(row["text"])[:_SAMPLE])
        self._show(now=True)

    def on_generated(self, texts: Sequence[str], prompt: str) -> None:
        self.progress.sample = (prompt, texts[-1][:_SAMPLE])
        self._show(now=True)

    def finish(self, run: Run) -> None:
        """Show what the run came to, in place of its progress."""
        self._present(lambda: (summary_page(RunDirectory(run.directory), self.progress), repr(run)))

    def stop(self, error: BaseException) -> None:
        """Show that the run goes no further, and how it is resumed; the error is shown anyway."""
        ended = ""
        if self._directory is not None and is_there(self._directory.configuration):
            ended = say(
                "Stopped. Go on: {code}", code=f"textgen.resume({str(self._directory.path)!r})"
            )
        elif isinstance(error, Exception):
            self._present(lambda: (page([]), ""))
            return
        self._present(lambda: (progress_page(self.progress, ended or say("Stopped.")), ended))

    def _show(self, *, now: bool = False) -> None:
        if now or self._clock() - self._shown_at >= _PAUSE:
            self._present(lambda: (progress_page(self.progress), progress_line(self.progress)))

    def _present(self, draw: Callable[[], tuple[str, str]]) -> None:
        if self._screen is None:
            return
        try:
            self._screen.show(*draw())
        except Exception as error:
            self._screen = None
            warnings.warn(f"The display of the run ends here: {error!r}", stacklevel=2)
        self._shown_at = self._clock()


class LineCallback(Callback):
    """Shows a run in lines, as in IPython on a terminal; `show` takes one."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show_line = show

    def on_phase(self, number: int) -> None:
        self._show(f"{number} {say(PHASES[number])}")

    def on_warning(self, text: str) -> None:
        self._show("  " + say("Note: {text}", text=format_message(text)))

    def on_validation_row(self, row: Mapping[str, Any]) -> None:
        bits = row["validation_bits_per_byte"]
        self._show(
            "  "
            + say(
                "step {step:,}: {bits:.3f} bits per byte on new text", step=row["step"], bits=bits
            )
        )

    def on_verdict(self, sentences: Sequence[str]) -> None:
        for each in sentences:
            self._show(each)

    def _show(self, text: str) -> None:
        self._show_line(printable(text))


def follow(begin: Callable[[Callback], Run], callback: Callback | None) -> Run:
    """Begin a run, which `callback` follows; without one, whatever can show it here."""
    callback = callback or _display() or Callback()
    if not isinstance(callback, NotebookCallback):
        return begin(callback)
    try:
        run = begin(callback)
    except BaseException as error:
        callback.stop(error)
        raise
    callback.finish(run)
    run.shown_in = cell_number()
    return run


def _display() -> Callback | None:
    """Return what shows a run in the IPython around it, or None where there is none."""
    shell = find_shell()
    if shell is None:
        return None
    display = sys.modules["IPython"].display.display
    if getattr(shell, "kernel", None) is not None:
        return NotebookCallback(Screen(display))
    return LineCallback(lambda text: display({"text/plain": text}, raw=True))
