"""Reads what a run directory remembers, as far as it is there.

A file that is missing is None or empty: the page says so. One that cannot be read is an error.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import attrs

from textgen_core.errors import RunDirectoryError
from textgen_core.report.fields import Table, checked_table
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json, read_rows


@attrs.frozen(kw_only=True)
class Records:
    """The files of a run; None, or no rows, stands for a file that is missing."""

    name: str
    configuration: Table | None = None
    manifest: Table | None = None
    analysis: Table | None = None
    evaluation: Table | None = None
    best: Table | None = None
    rows: tuple[Table, ...] = ()
    samples: tuple[Table, ...] = ()

    @property
    def training(self) -> list[Table]:
        """The training rows of metrics.jsonl."""
        return [row for row in self.rows if "loss" in row.values]

    @property
    def validations(self) -> list[Table]:
        """The validation rows of metrics.jsonl."""
        return [row for row in self.rows if "validation_loss" in row.values]


def read_records(run: RunDirectory) -> Records:
    """Return the records of a run; raises RunDirectoryError if a file is damaged."""
    return Records(
        name=run.name,
        configuration=_read_toml(run.configuration),
        manifest=_read_json(run.manifest),
        analysis=_read_json(run.analysis),
        evaluation=_read_json(run.evaluation),
        best=_read_json(run.best),
        rows=_read_log(run.metrics),
        samples=_read_log(run.samples),
    )


def step_of(row: Table) -> int:
    """Return the step of a log's row; raises RunDirectoryError if it has none."""
    step = row.number("step")
    if step is None:
        raise RunDirectoryError(f"{row.path} is damaged: a row has no step.")
    return int(step)


def _read_json(path: Path) -> Table | None:
    return checked_table(path, read_json(path)) if path.is_file() else None


def _read_toml(path: Path) -> Table | None:
    if not path.is_file():
        return None
    try:
        return checked_table(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise RunDirectoryError(f"{path} cannot be read: {error}.") from error


def _read_log(path: Path) -> tuple[Table, ...]:
    return tuple(Table(path, row) for row in read_rows(path))
