"""Looks values up in a run's JSON and TOML, and checks their types on the way.

What is missing or null is None, and an empty table or list where one is asked for: an interrupted
or an older run is not damaged. A value of another type is damage.
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

    def counted(self, key: str) -> list[tuple[str, float]]:
        """Return a list of texts with how often each occurs, empty where there is none."""
        return [(text, times or 0) for text, times in self.rows(key, str, float)]

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


def checked_table(path: Path, value: Any) -> Table:
    """Return a file's value as a table; raises RunDirectoryError if it is none."""
    if not isinstance(value, Mapping):
        raise RunDirectoryError(f"{path} is damaged: it holds no table.")
    return Table(path, value)
