"""The tracker `figure-table`: as it stands, a table of all figures.

It works as it is. Put your own idea in its place; the comments say what each part is for.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
from textgen_core import Tracker, TrackerSession, option

if TYPE_CHECKING:
    from textgen_core.components import Outcome, TrackedRun

FILE = "figures.csv"
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}


# A component is a frozen attrs class on one of textgen's contracts. The first line of its docstring
# is what `textgen plugins` shows.
@attrs.frozen(kw_only=True)
class FigureTableTracker(Tracker):
    """Writes every figure of a run into RUN/figures.csv, for spreadsheets and data frames."""

    # What a person may set: `figure-table:separator=tab`.
    # The type says which values there are; they are checked before the class is constructed.
    separator: Literal["comma", "semicolon", "tab"] = option(
        "comma", help="what stands between the columns step, figure and value"
    )

    # What raises here or in the session is told as a warning, and the run goes on without it.
    def start(self, run: TrackedRun) -> TrackerSession:
        """Begin the table; a resumed run goes on in it, after the step that it goes on from."""
        path, separator = run.directory / FILE, _SEPARATORS[self.separator]
        session = FigureTableTrackerSession(path, separator)
        session.begin(run.resumed_at_step)
        return session


class FigureTableTrackerSession(TrackerSession):
    """The table of one run."""

    def __init__(self, path: Path, separator: str) -> None:
        self._path = path
        self._separator = separator

    def begin(self, resumed_at_step: int | None) -> None:
        """Write the head of the table, and of an earlier one the rows that still hold."""
        # What was done after the last checkpoint is lost when a run is resumed, and done again.
        kept = [] if resumed_at_step is None else self._read_rows(resumed_at_step)
        self._write("w", [["step", "figure", "value"], *kept])

    def log(self, step: int, values: Mapping[str, float | str]) -> None:
        """Write a row for each figure."""
        self._write("a", [[step, figure, value] for figure, value in values.items()])

    def sample(self, step: int, text: str) -> None:
        """Leave texts alone: RUN/samples.jsonl has them."""

    def finish(self, outcome: Outcome) -> None:
        """Leave the table as it is: nothing is open between two rows."""

    def _read_rows(self, last_step: int) -> list[list[str]]:
        if not self._path.exists():
            return []
        with self._path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file, delimiter=self._separator) if len(row) == 3]
        return [row for row in rows if row[0].isdecimal() and int(row[0]) <= last_step]

    def _write(self, mode: Literal["w", "a"], rows: Iterable[Iterable[object]]) -> None:
        with self._path.open(mode, encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=self._separator, lineterminator="\n").writerows(rows)
