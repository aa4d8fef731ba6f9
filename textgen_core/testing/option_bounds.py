"""The ends of an option's range: the values just beyond its bounds, and the outermost within them.

This module knows nothing about components.
"""

from __future__ import annotations

import math
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from textgen_core.components import Option


def number_type(declared: Any) -> type | None:
    """Return int or float if values of the type are such numbers, or hold some; else None."""
    if declared in (int, float):
        return declared  # type: ignore[no-any-return]
    if typing.get_origin(declared) is Literal:
        return None  # it lists its values
    found = (number_type(each) for each in typing.get_args(declared))
    return next((each for each in found if each is not None), None)


def beyond_bounds(option: Option) -> Iterator[Any]:
    """Yield for each bound the first value that it refuses."""
    for bound, towards, is_included in _bounds(option):
        number = _next(option, bound, towards) if is_included else _from(option, bound, towards)
        yield _value_of(option.type, option.default, number)


def within_bounds(option: Option) -> Iterator[Any]:
    """Yield for each bound the last value that it lets pass."""
    for bound, towards, is_included in _bounds(option):
        number = _from(option, bound, -towards) if is_included else _next(option, bound, -towards)
        yield _value_of(option.type, option.default, number)


def is_bounded(option: Option) -> bool:
    """Whether an option of numbers declares a finite bound, or its choices."""
    return bool(option.rules.choices) or any(True for _ in _bounds(option))


def _bounds(option: Option) -> Iterator[tuple[float, int, bool]]:
    """Yield each finite bound, where what it refuses lies (-1 below, 1 above), and if it passes."""
    rules = option.rules
    declared = (
        (rules.at_least, -1, True),
        (rules.above, -1, False),
        (rules.at_most, 1, True),
        (rules.below, 1, False),
    )
    for bound, towards, is_included in declared:
        if bound is not None and math.isfinite(bound):
            yield bound, towards, is_included


def _from(option: Option, bound: float, towards: int) -> float:
    """Return the bound, or the whole number that is next to it in a direction."""
    if number_type(option.type) is float:
        return float(bound)
    return math.floor(bound) if towards < 0 else math.ceil(bound)


def _next(option: Option, bound: float, towards: int) -> float:
    """Return the number after the bound in a direction."""
    if number_type(option.type) is float:
        return math.nextafter(bound, towards * math.inf)
    return math.ceil(bound) - 1 if towards < 0 else math.floor(bound) + 1


def _value_of(declared: Any, default: Any, number: float) -> Any:
    """Return a value of a type with the number in the place of every number."""
    arguments = typing.get_args(declared)
    if declared in (int, float):
        return number
    if typing.get_origin(declared) is tuple:
        kinds = arguments[:1] if arguments[-1] is Ellipsis else arguments
        others = default if isinstance(default, tuple) and len(default) == len(kinds) else None
        others = others or (None,) * len(kinds)
        pairs = zip(kinds, others, strict=True)
        return tuple(_value_of(kind, other, number) for kind, other in pairs)
    if number_type(declared) is not None:
        return _value_of(next(each for each in arguments if number_type(each)), default, number)
    if default is not None:
        return default
    plain = {bool: False, str: "x", Path: Path("x")}
    return plain.get(declared, arguments[0] if arguments else None)
