"""Who follows a run: the terminal, a notebook, or nobody.

The pipeline tells what happens; a listener decides what to show. This module knows nothing about
terminals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PHASES = {
    1: "Analyse",
    2: "Prepare",
    3: "Build",
    4: "Train",
    5: "Generate and evaluate",
}


class Listener:
    """Follows a run and shows nothing; override what should be shown."""

    def run_starts(self, directory: str) -> None:
        """A run begins to write into its directory."""

    def phase(self, number: int) -> None:
        """A phase of `PHASES` begins."""

    def found(self, lines: Sequence[str]) -> None:
        """A phase found something worth a line."""

    def progress(self, what: str, done: int, total: int) -> None:
        """A long step of a phase has come so far; it is over when `done` is `total`."""

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A phase found a table."""

    def warning(self, text: str) -> None:
        """Something goes on otherwise than the person may expect."""

    def expected(self, seconds: float, steps: int | None) -> None:
        """Training will take about so long; `steps` is None where the clock decides."""

    def training_row(self, row: Mapping[str, Any], progress: float) -> None:
        """A row was written to metrics.jsonl; `progress` runs from 0 to 1."""

    def validation_row(self, row: Mapping[str, Any]) -> None:
        """A validation row was written to metrics.jsonl."""

    def sample(self, row: Mapping[str, Any]) -> None:
        """A sample was written to samples.jsonl."""

    def checkpoint(self, step: int) -> None:
        """A checkpoint was saved."""

    def training_ends(self, *, interrupted: bool) -> None:
        """Training is over, or was interrupted."""

    def generated(self, texts: Sequence[str], prompt: str) -> None:
        """The run wrote its final samples."""
