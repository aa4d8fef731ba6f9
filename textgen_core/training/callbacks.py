"""What follows a run: the terminal, experiment trackers, a notebook.

The pipeline and the training loop report what happens; a callback decides what to do with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

PHASES = {
    1: "Analyse",
    2: "Prepare",
    3: "Build",
    4: "Train",
    5: "Generate and evaluate",
}


class Callback:
    """Follows a run and does nothing; override what matters."""

    def on_run_begin(self, directory: str) -> None:
        """A run begins to write into its directory."""

    def on_phase(self, number: int) -> None:
        """A phase of `PHASES` begins."""

    def on_message(self, lines: Sequence[str]) -> None:
        """A phase found something worth a line."""

    def on_progress(self, what: str, done: int, total: int) -> None:
        """A long part of a phase has come so far; it is over when `done` is `total`."""

    def on_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A phase found a table."""

    def on_warning(self, text: str) -> None:
        """The run does something else than the user may expect."""

    def on_estimate(self, seconds: float, steps: int | None) -> None:
        """Training will take about so long; `steps` is None within a time budget."""

    def on_training_row(self, row: Mapping[str, Any], progress: float) -> None:
        """A row was written to metrics.jsonl; `progress` runs from 0 to 1."""

    def on_validation_row(self, row: Mapping[str, Any]) -> None:
        """A validation row was written to metrics.jsonl."""

    def on_sample(self, row: Mapping[str, Any]) -> None:
        """A sample was written to samples.jsonl."""

    def on_checkpoint(self, step: int) -> None:
        """A checkpoint was saved."""

    def on_training_end(self, *, interrupted: bool) -> None:
        """Training is over, or was interrupted."""

    def on_generated(self, texts: Sequence[str], prompt: str) -> None:
        """The run wrote its final samples."""


class Callbacks(Callback):
    """Several callbacks as one: each is called in turn."""

    def __init__(self, *callbacks: Callback) -> None:
        def call_each(name: str, *values: Any, **named: Any) -> None:
            for callback in callbacks:
                getattr(callback, name)(*values, **named)

        for name in EVENTS:
            setattr(self, name, partial(call_each, name))


EVENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))
