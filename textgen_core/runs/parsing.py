"""From the text of a run's file to its values: nothing that takes long, or more than it may.

What no run ever writes is refused with a ValueError that says what it is; no file is named here.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from typing import Any

_MOST_VALUES = 3_000_000  # of a JSON text: each takes some 70 bytes of memory
_MOST_ROWS = 1_000_000  # of a log
_DEEPEST = 40  # tables and lists within each other
_HOLDERS = frozenset((dict, list))
_LARGEST = 1e100  # no figure of a run is so large
_TEXTS = ("prompt", "text", "samplers")  # what is no number in a row of a log
_LOSSES = ("loss", "validation_loss")
_TOML_STRING = re.compile(r"\"(?:[^\"\\\n]++|\\.)*+\"|'[^'\n]*+'")  # possessive: no backtracking


def parse_json(text: str, *, takes_nan: bool = False) -> Any:
    """Return the value of a JSON text; raises ValueError or RecursionError if it is damaged.

    takes_nan: whether NaN and Infinity, which are not JSON, are read as null.
    """
    if sum(map(text.count, ",:[{")) > _MOST_VALUES:
        raise ValueError("it holds too many values")
    value = json.loads(
        text, object_pairs_hook=_without_doubles, parse_constant=_null if takes_nan else _refuse
    )
    _check_depth(value)
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table of a TOML text; raises ValueError or RecursionError if it is damaged."""
    # Each part of a dotted key costs the parser what all the parts before it cost.
    keys = re.split(r"[^\w. \t-]+", _TOML_STRING.sub("x", text))
    if any(each.count(".") > _DEEPEST for each in keys):
        raise ValueError("a key has too many parts")
    table = tomllib.loads(text.removeprefix("\ufeff"))  # which some editors put there
    _check_depth(table)
    return table


def parse_row(line: bytes, number: int) -> dict[str, Any]:
    """Return a line of a log; raises ValueError or RecursionError if it is damaged.

    number: of the line, from 1.
    """
    row = parse_json(line.decode("utf-8"), takes_nan=True)
    if not isinstance(row, dict):
        raise ValueError("it is no JSON object")
    if number > _MOST_ROWS:
        raise ValueError(f"no run writes more than {_MOST_ROWS:,} lines")
    step = row.get("step")
    has_step = type(step) is int and 0 <= step < _LARGEST
    if not has_step and any(key in row for key in ("step", *_LOSSES)):
        raise ValueError("step is no number from 0")
    for key, value in row.items():
        if key in _TEXTS or value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{key} is no number")
        if not -_LARGEST < value < _LARGEST:
            row[key] = None  # as null is: no number that was measured
    return row


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {key[:40]!r} is there twice")
    return found


def _null(_: str) -> None:
    """Return None."""


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _check_depth(value: Any) -> None:
    """Raise ValueError if tables and lists lie too deep within each other."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(_DEEPEST):
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [each for values in inner for each in values if type(each) in _HOLDERS]
        if not level:
            return
    raise ValueError("it is nested too deeply")
