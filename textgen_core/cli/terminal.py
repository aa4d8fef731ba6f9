"""What the terminal shows of a run: findings on stdout, progress and warnings on stderr.

On a terminal training shows a bar that stays in place; elsewhere it writes plain lines.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from textgen_core.cli.console import Console, stderr, stdout
from textgen_core.cli.margins import show_finding, show_written
from textgen_core.cli.progress import ProgressLine
from textgen_core.formatting import format_count, format_duration, format_message
from textgen_core.training.callbacks import PHASES, Callback

# What happens in a phase, for one who has never seen a run.
_HAPPENS = {
    1: "what the text consists of",
    2: "the text becomes tokens, and part of it is held out",
    3: "a model, as yet with random weights",
    4: "the model learns to predict the next token",
    5: "it writes, and is scored on text it has not seen",
}
_SAMPLE_LINES = 6  # of a sample shown while training
_DAY = 24 * 60 * 60  # seconds


class TerminalCallback(Callback):
    """Shows a run in the terminal.

    `results` is False for `--json`: then stdout is left alone. `quiet` leaves only warnings, and
    the text at the end; `verbose` adds what is technical.
    """

    def __init__(self, *, results: bool = True, quiet: bool = False, verbose: bool = False) -> None:
        self._progress = stderr()
        self._results = stdout() if results else self._progress
        self._quiet = quiet
        self._verbose = verbose
        self._line = ProgressLine(self._progress)
        self._trained: Mapping[str, Any] = {}
        self._left: float | None = None  # seconds of training, as far as it is known
        self._ends_at = math.inf  # by the monotonic clock, in a run of minutes
        self._verdict: Sequence[str] = ()
        self.warnings: list[str] = []

    def on_run_begin(self, directory: str) -> None:
        self._show(Text(f"Writing to {directory}", style="dim"), self._progress)

    def on_phase(self, number: int) -> None:
        self._line.stop()
        heading = Text(f"{number} {PHASES[number]}", style="bold cyan")
        self._show(Text.assemble("\n", heading, (f": {_HAPPENS[number]}", "dim")))
        if number == max(PHASES):
            self._start_line("writing, then scoring", share=False)

    def on_message(self, lines: Sequence[str]) -> None:
        self._show_lines(lines)

    def on_detail(self, lines: Sequence[str]) -> None:
        if self._verbose:
            self._show_lines(lines, "dim")

    def on_progress(self, what: str, done: int, total: int) -> None:
        if not self._line.is_shown:
            self._start_line(what)
        self._line.update(done / total if total else 1.0, what)
        if done >= total:
            self.close()

    def on_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if not self._verbose:
            return
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for place, column in enumerate(columns):
            right = bool(rows) and rows[0][place].replace(",", "").isdigit()
            table.add_column(column, justify="right" if right else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        self._show(Padding(table, (0, 0, 0, 2), expand=False))

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)
        with self._line.aside():
            first, *others = format_message(text).split("\n")
            show_finding(self._progress, f"Note:  {first}", "yellow")
            for line in others:
                show_finding(self._progress, line, "yellow", head=" " * len("  Note:  "))

    def on_estimate(self, seconds: float, steps: int | None) -> None:
        planned = "as many steps as fit" if steps is None else format_count(steps, "step")
        self._ends_at = time.monotonic() + seconds if steps is None else math.inf
        until = _clock(seconds)
        self._show_lines([f"about {format_duration(seconds)}, until {until}: {planned}"])
        self._start_line("compiling")
        if not self._line.is_shown:
            self._show(Text("  compiling"), self._progress)

    def on_training_row(self, row: Mapping[str, Any], progress: float) -> None:
        self._trained = row
        self._left = row["seconds"] * (1 - progress) / progress if progress > 0.01 else None
        if self._ends_at < math.inf:  # minutes are kept to, whatever the speed so far
            self._left = max(0.0, self._ends_at - time.monotonic())
        self._line.update(progress, self._figures(row))

    def on_validation_row(self, row: Mapping[str, Any]) -> None:
        trained = self._trained
        figures = [
            f"step {row['step']:>7,}",
            f"epoch {trained['epoch']}",
            f"loss {trained['loss']:.3f}",
            f"validation {row['validation_loss']:.3f}",
            f"{row['validation_bits_per_byte']:.3f} bits/byte",
        ]
        if self._verbose:
            figures.insert(4, f"perplexity {row['validation_perplexity']:,.1f}")
            figures.append(f"{trained['tokens_per_second']:,.0f} tokens/s")
        if self._left is not None and not self._line.is_shown:
            figures.append(f"{format_duration(self._left)} left")
        self._show_lines(["  ".join(figures)], console=self._progress)

    def on_sample(self, row: Mapping[str, Any]) -> None:
        if not self._quiet:
            text = f"{row['prompt']}{row['text']}"
            with self._line.aside():
                show_written(self._progress, text, style="italic dim", most=_SAMPLE_LINES)

    def on_training_end(self, *, interrupted: bool) -> None:
        del interrupted
        self.close()

    def on_generated(self, texts: Sequence[str], prompt: str) -> None:
        with self._line.aside():
            for number, text in enumerate(texts, start=1):
                if self._quiet:
                    self._show_bare(number, len(texts), prompt + text)
                    continue
                name = f"  sample {number} of {len(texts)}" if len(texts) > 1 else "  a sample"
                self._results.print(Text(name, style="dim"))
                show_written(self._results, prompt + text)
                self._results.print()
            if self._quiet:
                self._results.print()

    def on_verdict(self, sentences: Sequence[str]) -> None:
        """Keep what the run comes to for its end; see `show_verdict`."""
        self._verdict = sentences

    def show_verdict(self) -> None:
        """Show what the run comes to, which is to be the last thing before the next commands."""
        if self._verdict and not self._quiet:
            self._results.print()
            show_written(self._results, "\n".join(self._verdict), style="bold", bar="bold cyan")
            self._results.print()

    def close(self) -> None:
        """Remove the bar, even where an error left it on the screen."""
        self._line.stop()

    def _show_bare(self, number: int, count: int, text: str) -> None:
        """Print a text as it is, for whoever asked for nothing else."""
        if count > 1:
            self._results.print(Text(f"\n--- sample {number} ---", style="dim"))
        self._results.print(Text(text))

    def _show(self, what: RenderableType, console: Console | None = None) -> None:
        if not self._quiet:
            with self._line.aside():
                (console or self._results).print(what)

    def _show_lines(
        self, lines: Sequence[str], style: str = "", *, console: Console | None = None
    ) -> None:
        if not self._quiet:
            with self._line.aside():
                for line in lines:
                    show_finding(console or self._results, line, style)

    def _start_line(self, description: str, *, share: bool = True) -> None:
        if not self._quiet:
            self._line.start(description, share=share)

    def _figures(self, row: Mapping[str, Any]) -> str:
        figures = [f"epoch {row['epoch']}", f"loss {row['loss']:.3f}"]
        if self._verbose:
            figures.append(f"perplexity {math.exp(min(row['loss'], 50)):,.1f}")
            figures.append(f"{row['tokens_per_second']:,.0f} tokens/s")
        if self._left is not None:
            figures.append(f"{format_duration(self._left)} left")
        return "  ".join(figures)


def _clock(seconds: float) -> str:
    """Return what the clock will say in so many seconds."""
    now = datetime.now().astimezone()
    then = now + timedelta(seconds=min(seconds, 1000 * _DAY))
    if seconds >= 6 * _DAY:
        return f"{then:%Y-%m-%d}"
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%A, %H:%M}"
