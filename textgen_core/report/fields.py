"""Looks values up in a run's JSON and TOML, and checks their types on the way.

What is missing or null is None, and an empty table or list where one is asked for: an interrupted
or an older run is no damaged one. A value of another type is damage. This module knows nothing
about what the values mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.errors import RunDirectoryError

_LARGEST = 1e100


@attrs.frozen
class Table:
    """An object of a file; `place` names it within the file in messages."""

    path: Path
    values: Mapping[str, Any]
    place: str = ""

    def number(self, key: str) -> float | None:
        """Return a number, None where it is not finite; raises RunDirectoryError for others."""
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

    def points(self, key: str) -> list[tuple[float, float]]:
        """Return a list of pairs of numbers, empty where there is none."""
        found = [tuple(self._finite(key, each) for each in pair) for pair in self._pairs(key)]
        return [(x, y) for x, y in found if x is not None and y is not None]

    def triples(self, key: str) -> list[tuple[float | None, float | None, float | None]]:
        """Return a list of three numbers each, None where one is missing or not finite."""
        rows = self._rows(key, 3, "a list of three numbers each")
        return [
            (self._finite(key, x), self._finite(key, y), self._finite(key, z)) for x, y, z in rows
        ]

    def pieces(self, key: str) -> list[tuple[str, float | None, bool]]:
        """Return a list of texts, each with a number or None and whether it is marked."""
        expected = "a list of texts with a number and true or false each"
        found: list[tuple[str, float | None, bool]] = []
        for text, number, marked in self._rows(key, 3, expected):
            if not isinstance(text, str) or not isinstance(marked, bool | None):
                raise self._damaged(key, expected)
            found.append((text, self._finite(key, number), bool(marked)))
        return found

    def counted(self, key: str) -> list[tuple[str, float]]:
        """Return a list of texts with how often each occurs, empty where there is none."""
        found: list[tuple[str, float]] = []
        for text, times in self._pairs(key):
            if not isinstance(text, str):
                raise self._damaged(key, "a list of texts and numbers")
            found.append((text, self._finite(key, times) or 0))
        return found

    def rows(self, key: str, kinds: tuple[type, ...]) -> list[list[Any]]:
        """Return a list of rows, each of values of `kinds`: str, or float for any number."""
        rows = self._list(key)
        for row in rows:
            if not isinstance(row, list) or len(row) != len(kinds):
                raise self._damaged(key, f"a list of rows of {len(kinds)}")
            for value, kind in zip(row, kinds, strict=True):
                if kind is str and not isinstance(value, str):
                    raise self._damaged(key, "a list of rows with a text where one belongs")
        return [
            [
                value if kind is str else self._finite(key, value) or 0
                for value, kind in zip(row, kinds, strict=True)
            ]
            for row in rows
        ]

    def subtables(self) -> list[tuple[str, Table]]:
        """Return every value of this table with its key; raises unless all are tables."""
        return [(key, self.table(key)) for key in self.values]

    def _list(self, key: str) -> Sequence[Any]:
        value = self.values.get(key) or []
        if not isinstance(value, list):
            raise self._damaged(key, "a list")
        return value

    def _pairs(self, key: str) -> Sequence[Any]:
        return self._rows(key, 2, "a list of pairs")

    def _rows(self, key: str, length: int, expected: str) -> Sequence[Any]:
        rows = self._list(key)
        if not all(isinstance(row, list) and len(row) == length for row in rows):
            raise self._damaged(key, expected)
        return rows

    def _as_table(self, key: str, value: Any) -> Table:
        if not isinstance(value, Mapping):
            raise self._damaged(key, "a table")
        return Table(self.path, value, f"{self.place}{key}.")

    def _finite(self, key: str, value: Any) -> float | None:
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


def checked_table(path: Path, value: Any) -> Table:
    """Return a file's value as a table; raises RunDirectoryError if it is none."""
    if not isinstance(value, Mapping):
        raise RunDirectoryError(f"{path} is damaged: it holds no table.")
    return Table(path, value)
