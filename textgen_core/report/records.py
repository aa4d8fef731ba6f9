"""Reads what a run directory remembers, and checks the types of its values on the way.

What is missing is not damage, since a run may be interrupted or older: it is None, or an empty
table or list, and the page says so. A value of another type is damage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.errors import RunDirectoryError
from textgen_core.runs import RunDirectory, read_json, read_rows
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_toml
from textgen_core.runs.lock import is_written_elsewhere
from textgen_core.runs.standing import newest_state

Section = dict[str, Any]  # what the template of a section shows, under the names it uses

_LARGEST = 1e100


@attrs.frozen
class Table:
    """An object of a file; `place` names it within the file in messages.

    Every look-up raises RunDirectoryError if the value is of another type.
    """

    path: Path
    values: Mapping[str, Any]
    place: str = ""

    def number(self, key: str) -> float | None:
        """Return a number, None where it is not finite."""
        return self._number(key, self.values.get(key))

    def text(self, key: str) -> str | None:
        """Return a text."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self._damaged(key, "a text")
        return value

    def table(self, key: str) -> Table:
        """Return a table, empty where there is none."""
        return self._as_table(key, self.values.get(key) or {})

    def subtables(self) -> list[tuple[str, Table]]:
        """Return every value of this table, all of them tables, with its key."""
        return [(key, self.table(key)) for key in self.values]

    def tables(self, key: str) -> list[Table]:
        """Return a list of tables, empty where there is none."""
        return [self._as_table(key, each) for each in self._list(key)]

    def numbers(self, key: str) -> list[float]:
        """Return a list of finite numbers, empty where there is none."""
        found = [self._number(key, each) for each in self._list(key)]
        return [each for each in found if each is not None]

    def texts(self, key: str) -> list[str]:
        """Return the texts of a list, empty where there is none."""
        return [each for each in self._list(key) if isinstance(each, str)]

    def rows(self, key: str, *kinds: type) -> list[tuple[Any, ...]]:
        """Return a list of rows of `kinds`: str, bool, or float for a number or None."""
        rows = self._list(key)
        if not all(isinstance(row, list) and len(row) == len(kinds) for row in rows):
            raise self._damaged(key, f"a list of rows of {len(kinds)}")
        return [
            tuple(self._cell(key, *each) for each in zip(row, kinds, strict=True)) for row in rows
        ]

    def points(self, key: str) -> list[tuple[float, float]]:
        """Return a list of pairs of numbers, empty where there is none."""
        return [(x, y) for x, y in self.rows(key, float, float) if x is not None and y is not None]

    def _list(self, key: str) -> Sequence[Any]:
        value = self.values.get(key) or []
        if not isinstance(value, list):
            raise self._damaged(key, "a list")
        return value

    def _cell(self, key: str, value: Any, kind: type) -> Any:
        if kind is float:
            return self._number(key, value)
        if value is None and kind is bool:
            return False
        if not isinstance(value, kind):
            raise self._damaged(key, f"a list of rows with a {kind.__name__} where one belongs")
        return value

    def _as_table(self, key: str, value: Any) -> Table:
        if not isinstance(value, Mapping):
            raise self._damaged(key, "a table")
        return Table(self.path, value, f"{self.place}{key}.")

    def _number(self, key: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._damaged(key, "a number")
        # No figure of a run is so large or so small, and no picture could be drawn of it.
        if not -_LARGEST < value < _LARGEST:
            return None
        return value if abs(value) > 1 / _LARGEST else 0

    def _damaged(self, key: str, expected: str) -> RunDirectoryError:
        return RunDirectoryError(f"{self.path} is damaged: {self.place}{key} is not {expected}.")


@attrs.frozen(kw_only=True)
class Progress:
    """How far a run is that still goes on; `is_trained`: it is written with and scored.

    refresh: after how many seconds the page is to be read again; 0: it will not be written again.
    """

    step: int
    seconds_left: float | None = None
    is_trained: bool = False
    refresh: int = 10


@attrs.frozen(kw_only=True)
class Records:
    """The files of a run; None, or no rows, stands for a file that is missing.

    progress: how far the run is, where it still goes on. newest: state.json of the newest
    checkpoint.
    """

    name: str
    progress: Progress | None = None
    configuration: Table | None = None
    manifest: Table | None = None
    analysis: Table | None = None
    evaluation: Table | None = None
    texts: Table | None = None
    ratings: Table | None = None
    best: Table | None = None
    newest: Table | None = None
    rows: tuple[Table, ...] = ()
    samples: tuple[Table, ...] = ()

    @property
    def training(self) -> list[Table]:
        """The training rows of metrics.jsonl."""
        return [row for row in self.rows if "loss" in row.values]

    @property
    def is_interrupted(self) -> bool:
        """Whether the training stopped before its plan's end; only a checkpoint knows of it."""
        if self.newest is None:
            return False
        step, last = self.newest.number("step"), self.newest.table("plan").number("last_step")
        if step is None or last is None or step >= last:
            return False
        training = self.configuration.table("training").values if self.configuration else {}
        without_gain, patience = self.newest.number("epochs_without_gain"), training.get("patience")
        is_early = isinstance(patience, int) and (without_gain or 0) >= patience
        return not (is_early and isinstance(training.get("epochs"), int))

    @property
    def validations(self) -> list[Table]:
        """The validation rows of metrics.jsonl."""
        return [row for row in self.rows if "validation_loss" in row.values]


def read_records(run: RunDirectory, progress: Progress | None = None) -> Records:
    """Return the records of a run; raises RunDirectoryError if a file is damaged.

    progress: how far it is, where it still goes on; what it scored before is left out then.
    """
    rows = tuple(Table(run.metrics, row) for row in read_rows(run.metrics))
    if progress is None and is_written_elsewhere(run):
        progress = Progress(step=max(map(step_of, rows), default=0), refresh=0)
    return Records(
        name=run.name,
        progress=progress,
        configuration=_read(run.configuration, read_toml),
        manifest=_read(run.manifest, read_json),
        analysis=_read(run.analysis, read_json),
        evaluation=None if progress else _read(run.evaluation, read_json),
        texts=_read(run.texts, read_json),
        ratings=_read(run.ratings, read_json),
        best=_read(run.best, read_json),
        newest=_newest_state(run),
        rows=rows,
        samples=tuple(Table(run.samples, row) for row in read_rows(run.samples)),
    )


def step_of(row: Table) -> int:
    """Return the step of a log's row; raises RunDirectoryError if it has none."""
    step = row.number("step")
    if step is None:
        raise RunDirectoryError(f"{row.path} is damaged: a row has no step.")
    return int(step)


def _newest_state(run: RunDirectory) -> Table | None:
    """Return the state of the newest checkpoint; None where there is none that can be read.

    The page can do without it, so that one of a run with damaged checkpoints is written, too.
    """
    value = newest_state(run)
    return None if value is None else Table(run.path / "state.json", value)


def _read(path: Path, parse: Callable[[Path], Any]) -> Table | None:
    if not is_there(path):
        return None
    value = parse(path)
    if not isinstance(value, Mapping):
        raise RunDirectoryError(f"{path} is damaged: it holds no table.")
    return Table(path, value)
