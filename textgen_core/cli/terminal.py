"""What the terminal shows of a run: findings on stdout, progress and warnings on stderr.

On a terminal training shows a bar that stays in place; elsewhere it writes plain lines.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from textgen_core.cli.console import Console, stderr, stdout
from textgen_core.formatting import format_duration, format_message
from textgen_core.training.callbacks import PHASES, Callback

_SAMPLE_LENGTH = 300  # characters of a sample shown while training


class TerminalCallback(Callback):
    """Shows a run in the terminal.

    `results` is False for `--json`: then stdout is left alone. `quiet` leaves only warnings, and
    the text at the end.
    """

    def __init__(self, *, results: bool = True, quiet: bool = False) -> None:
        self._progress = stderr()
        self._results = stdout() if results else self._progress
        self._quiet = quiet
        self._bar: Progress | None = None
        self._trained: Mapping[str, Any] = {}
        self._ends_at = math.inf  # by the monotonic clock, in a run of minutes
        self.warnings: list[str] = []

    def on_run_begin(self, directory: str) -> None:
        self._show(Text(f"Writing to {directory}", style="dim"), self._progress)

    def on_phase(self, number: int) -> None:
        self._show(Text("\n") + Text(f"{number} {PHASES[number]}", style="bold cyan"))

    def on_message(self, lines: Sequence[str]) -> None:
        if self._bar is not None:  # it is drawn on stderr, and would be torn by lines on stdout
            self._bar.stop()
        for line in lines:
            self._show(Text(f"  {line}"))
        if self._bar is not None:
            self._bar.start()

    def on_progress(self, what: str, done: int, total: int) -> None:
        if self._bar is None:
            self._start_bar(what)
        self._update_bar(done / total if total else 1.0, what)
        if done >= total:
            self.close()

    def on_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for place, column in enumerate(columns):
            right = bool(rows) and rows[0][place].replace(",", "").isdigit()
            table.add_column(column, justify="right" if right else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        self._show(Padding(table, (0, 0, 0, 2), expand=False))

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)
        self._progress.print(Text("  Note: ", style="yellow") + Text(format_message(text)))

    def on_estimate(self, seconds: float, steps: int | None) -> None:
        planned = "as many steps as fit" if steps is None else f"{steps:,} steps"
        self._ends_at = time.monotonic() + seconds if steps is None else math.inf
        self._show(Text(f"  about {format_duration(seconds)}: {planned}"))
        if _is_live(self._progress):
            self._start_bar("compiling")
        else:
            self._show(Text("  compiling"), self._progress)

    def on_training_row(self, row: Mapping[str, Any], progress: float) -> None:
        self._trained = row
        left = row["seconds"] * (1 - progress) / progress if progress > 0.01 else None
        if self._ends_at < math.inf:  # minutes are kept to, whatever the speed so far
            left = max(0.0, self._ends_at - time.monotonic())
        self._update_bar(progress, _figures(row, left))

    def on_validation_row(self, row: Mapping[str, Any]) -> None:
        trained = self._trained
        line = (
            f"  step {row['step']:>7,}  epoch {trained['epoch']}  loss {trained['loss']:.3f}  "
            f"validation {row['validation_loss']:.3f}  "
            f"perplexity {row['validation_perplexity']:,.1f}  "
            f"{row['validation_bits_per_byte']:.3f} bits/byte  "
            f"{trained['tokens_per_second']:,.0f} tokens/s"
        )
        self._show(Text(line), self._progress)

    def on_sample(self, row: Mapping[str, Any]) -> None:
        text = f"{row['prompt']}{row['text']}"
        shown = " ".join(text[:_SAMPLE_LENGTH].split())
        self._show(Text(f"        {shown}", style="italic dim"), self._progress)

    def on_training_end(self, *, interrupted: bool) -> None:
        del interrupted
        self.close()

    def on_generated(self, texts: Sequence[str], prompt: str) -> None:
        for number, text in enumerate(texts, start=1):
            if len(texts) > 1:
                self._results.print(Text(f"\n--- sample {number} ---", style="dim"))
            self._results.print(Text(prompt + text))
        self._results.print()

    def close(self) -> None:
        """Remove the bar, even where an error left it on the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self, what: RenderableType, console: Console | None = None) -> None:
        if not self._quiet:
            (console or self._results).print(what)

    def _start_bar(self, description: str) -> None:
        if self._quiet or not _is_live(self._progress):
            return
        self._bar = Progress(
            TextColumn("  {task.percentage:3.0f}%"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            console=self._progress,
            transient=True,
        )
        self._bar.add_task(description, total=1.0)
        self._bar.start()

    def _update_bar(self, share: float, description: str) -> None:
        if self._bar is not None:
            [task] = self._bar.task_ids
            self._bar.update(task, completed=share, description=description)


def _is_live(console: Console) -> bool:
    """Return whether a bar can stay in place on a console."""
    return console.is_terminal and not console.is_dumb_terminal


def _figures(row: Mapping[str, Any], left: float | None) -> str:
    figures = [
        f"epoch {row['epoch']}",
        f"loss {row['loss']:.3f}",
        f"perplexity {math.exp(min(row['loss'], 50)):,.1f}",
        f"{row['tokens_per_second']:,.0f} tokens/s",
    ]
    if left is not None:
        figures.append(f"{format_duration(left)} left")
    return "  ".join(figures)
