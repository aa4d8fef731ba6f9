"""Looks values up in a run's JSON and TOML, and checks their types on the way.

What is missing or null is None, and an empty table or list where one is asked for: an interrupted
or an older run is no damaged one. A value of another type is damage. This module knows nothing
about what the values mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.errors import RunDirectoryError


@attrs.frozen
class Table:
    """An object of a file; `place` names it within the file in messages."""

    path: Path
    values: Mapping[str, Any]
    place: str = ""

    def number(self, key: str) -> float | None:
        """Return a finite number; raises RunDirectoryError if there is something else."""
        return self._finite(key, self.values.get(key))

    def text(self, key: str) -> str | None:
        """Return a text; raises RunDirectoryError if there is something else."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self._damaged(key, "a text")
        return value

    def table(self, key: str) -> Table:
        """Return a table, empty where there is none."""
        return self._as_table(key, self.values.get(key) or {})

    def tables(self, key: str) -> list[Table]:
        """Return a list of tables, empty where there is none."""
        return [self._as_table(key, each) for each in self._list(key)]

    def numbers(self, key: str) -> list[float]:
        """Return a list of finite numbers, empty where there is none."""
        found = [self._finite(key, each) for each in self._list(key)]
        return [each for each in found if each is not None]

    def pairs(self, key: str, kind: type) -> list[tuple[Any, float]]:
        """Return a list of pairs: a value of `kind`, and a number."""
        pairs: list[tuple[Any, float]] = []
        for each in self._list(key):
            if not isinstance(each, Sequence) or len(each) != 2 or not isinstance(each[0], kind):
                raise self._damaged(key, "a list of pairs")
            number = self._finite(key, each[1])
            if number is not None:
                pairs.append((each[0], number))
        return pairs

    def subtables(self) -> list[tuple[str, Table]]:
        """Return every value of this table with its key; raises unless all are tables."""
        return [(key, self.table(key)) for key in self.values]

    def _list(self, key: str) -> Sequence[Any]:
        value = self.values.get(key) or []
        if not isinstance(value, list):
            raise self._damaged(key, "a list")
        return value

    def _as_table(self, key: str, value: Any) -> Table:
        if not isinstance(value, Mapping):
            raise self._damaged(key, "a table")
        return Table(self.path, value, f"{self.place}{key}.")

    def _finite(self, key: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._damaged(key, "a number")
        try:
            return value if math.isfinite(value) else None
        except OverflowError:
            return None

    def _damaged(self, key: str, expected: str) -> RunDirectoryError:
        return RunDirectoryError(f"{self.path} is damaged: {self.place}{key} is not {expected}.")


def checked_table(path: Path, value: Any) -> Table:
    """Return a file's value as a table; raises RunDirectoryError if it is none."""
    if not isinstance(value, Mapping):
        raise RunDirectoryError(f"{path} is damaged: it holds no table.")
    return Table(path, value)
