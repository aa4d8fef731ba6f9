"""Several values of one option as a text: `0.8,0.9,0.95`, `0.5..1.5/5`, or `128..1024`.

A list, so many values at even distances, or all that lies between two ends. A comma always
separates values here; one that belongs to a value stands in single quotes: `units='256,128',512`.
"""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Mapping
from typing import Any

import attrs

from textgen_core.components import Option
from textgen_core.errors import ComponentError, Faults, TextgenError
from textgen_core.registry.parsing import listed_values, number_type, plain_value, split_list
from textgen_core.registry.specs import check_options, format_value

MOST_VALUES = 100  # in a list
_FURTHEST = 1_000_000_000  # an end
FAULTS_SHOWN = 3  # a hundred values have one mistake in common
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\.\.({_NUMBER})(?:/(\d+))?\s*")
_ALL = "all"
_LOG_RATIO = {True: 4, False: 10}  # of the ends, by whether the numbers are whole

Value = bool | int | float | str


@attrs.frozen(kw_only=True)
class Range:
    """All that lies between two ends, as they were written."""

    first: str
    last: str

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


@attrs.frozen(kw_only=True)
class Dimension:
    """What varies in a search: numbers between two ends, or one of some choices.

    key: its name, such as `model.lstm.units` or `training.learning_rate`; of a choice between
    components `model`. of: the candidate that it belongs to, as `model/lstm`; empty if it always
    counts. low, high: the ends, both included; ints where the numbers are whole. choices: the
    values, where they are listed; None is the word `none`.
    """

    key: str
    of: str = ""
    low: float | None = None
    high: float | None = None
    log: bool = False
    whole: bool = False
    choices: tuple[Value, ...] = ()

    @property
    def option(self) -> str:
        """The name of the option or setting alone."""
        return self.key.rpartition(".")[2]

    @property
    def count(self) -> float:
        """How many values there are; infinite between two ends that are not whole."""
        if self.choices:
            return len(self.choices)
        return _ends(self)[1] - _ends(self)[0] + 1 if self.whole else math.inf

    @property
    def lowest(self) -> Value:
        """The low end, or the first choice."""
        return self.choices[0] if self.choices else _ends(self)[0]

    @property
    def highest(self) -> Value:
        """The high end, or the last choice."""
        return self.choices[-1] if self.choices else _ends(self)[1]

    def __str__(self) -> str:
        if self.choices:
            return ", ".join(map(format_value, self.choices))
        low, high = _ends(self)
        return f"{low}..{high}" if self.whole else f"{low:.10g}..{high:.10g}"

    def as_table(self) -> dict[str, Any]:
        """Return its values as TOML holds them: always a table, so that their order is kept."""
        if self.choices:
            return {"choices": list(self.choices)}
        low, high = _ends(self)
        return {"low": low, "high": high, "log": self.log}


def dimension_from(key: str, of: str, table: Mapping[str, Any]) -> Dimension:
    """Return the dimension of what `as_table` returned; raises ValueError if that is damaged."""
    if "choices" in table:
        if len(table["choices"]) < 2 or not isinstance(table["choices"], list):
            raise ValueError(f"{key} has no choices")
        return Dimension(key=key, of=of, choices=tuple(table["choices"]))
    low, high = table["low"], table["high"]
    if not low < high or (table["log"] and low <= 0):
        raise ValueError(f"{key} has no range")
    whole = isinstance(low, int)
    return Dimension(key=key, of=of, low=low, high=high, log=bool(table["log"]), whole=whole)


def read_values(text: str, shown: str) -> Range | list[str]:
    """Return the values that a text stands for, or the range without a count.

    shown: what messages call it, such as `The sweep 'nucleus:p=0.1..0.9/5'`. Raises ComponentError
    for too few or too many values, and for an end that is no number.
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        return split_list(text)
    # The count too, since a whole number of thousands of digits cannot be read as one.
    first, last, count = (float(each or 0) for each in found.groups())
    if not (math.isfinite(first) and math.isfinite(last)):
        raise ComponentError(
            f"{shown} has an end that is no number.", "Allowed: values as 0.8,0.9 or 0.5..1.5/5."
        )
    if found[3] is None:
        return Range(first=found[1], last=found[2])
    if not 2 <= count <= MOST_VALUES:
        raise count_fault(shown, found[3])
    step = (last - first) / (count - 1)
    return [f"{first + number * step:.10g}" for number in range(int(count))]


def count_fault(shown: str, count: str) -> ComponentError:
    """Return the error for so many values."""
    values = "value" if count == "1" else "values"
    problem = f"{shown} has {count[:20]} {values}."
    return ComponentError(problem, f"Allowed: from 2 to {MOST_VALUES}.")


def read_dimension(option: Option, value: Any, *, owner: str, place: str) -> Dimension | Value:
    """Return what an option may be, under its name, or its one value where there is only one.

    value: a text, or in Python a list of values or one value. owner, place: as messages name them.
    Raises ComponentError with every fault.
    """
    values = _values_of(option, value, owner, place)
    if isinstance(values, Range):
        return _between(option, values, owner=owner, place=place)
    choices: list[Value] = []
    faults: list[TextgenError] = []
    for each in values:
        try:
            choices.append(_checked(option, each, owner, place))
        except ComponentError as fault:
            faults.append(fault)
    Faults(faults[:FAULTS_SHOWN]).raise_any()
    distinct = list({(type(each), each): each for each in choices}.values())
    return (
        distinct[0] if len(distinct) == 1 else Dimension(key=option.name, choices=tuple(distinct))
    )


def _values_of(option: Option, value: Any, owner: str, place: str) -> Range | list[Any]:
    shown = f"{owner}: {option.name} ({place})"
    if not isinstance(value, str):
        several = isinstance(value, (list, tuple, range)) and not _is_list(option)
        values: Range | list[Any] = list(value) if several else [value]
    else:
        listed = list(listed_values(option))
        if value.strip() == _ALL and len(listed) > 1 and _ALL not in listed:
            return listed
        values = read_values(value, shown) or [value]
    if isinstance(values, list) and len(values) > MOST_VALUES:
        raise count_fault(shown, str(len(values)))
    return values


def _is_list(option: Option) -> bool:
    kinds = (option.type, *typing.get_args(option.type))
    return any(typing.get_origin(each) is tuple for each in kinds)


def _between(option: Option, given: Range, *, owner: str, place: str) -> Dimension | Value:
    number = number_type(option.type)
    if number is None:
        listed = [format_value(plain_value(each)) for each in listed_values(option)]
        example = f"a list as {','.join(listed[:2])}, or {_ALL}" if len(listed) > 1 else "a list"
        problem = f"{owner}: {option.name} cannot be the range {given} ({place})."
        raise ComponentError(problem, f"Allowed: {example}.")
    faults = Faults()
    for each in (given.first, given.last):
        with faults.collecting():
            given_end = {option.name: each}
            check_options([option], given_end, owner=owner, place=f"{place}, {given}")
    faults.raise_any()
    low, high = number(given.first), number(given.last)
    if max(abs(low), abs(high)) > _FURTHEST:
        problem = f"{owner}: {option.name} cannot be {str(given)[:60]} ({place}): that is too far."
        raise ComponentError(problem, f"Allowed: ends up to {_FURTHEST:,}.")
    if low > high:
        problem = f"{owner}: {option.name} cannot be {given} ({place}): it ends below its start."
        raise ComponentError(problem, f"Allowed: {given.last}..{given.first}.")
    if low == high:
        return low
    return between(option.name, low, high)


def between(key: str, low: float, high: float) -> Dimension:
    """Return the dimension of all that lies between two ends; ints mean whole numbers."""
    whole = isinstance(low, int)
    log = low > 0 and high >= low * _LOG_RATIO[whole]
    return Dimension(key=key, low=low, high=high, log=log, whole=whole)


def may_vary(option: Option) -> bool:
    """Return whether a text such as `1..2` or `a,b` cannot be one value of an option."""
    if _is_list(option):
        return False
    return number_type(option.type) is not None or len(list(listed_values(option))) > 1


def _checked(option: Option, value: Any, owner: str, place: str) -> Value:
    """Return a value of an option as TOML and a study hold it."""
    try:
        values = check_options([option], {option.name: value}, owner=owner, place=place)
    except ComponentError as error:
        if number_type(option.type) is None:
            raise
        advice = "To vary it: LOW..HIGH, FIRST..LAST/COUNT, or a list as A,B,C"
        raise ComponentError(error.problem, error.allowed, advice) from None
    plain = plain_value(values[option.name])
    return "none" if plain is None else format_value(plain) if isinstance(plain, list) else plain


def _ends(dimension: Dimension) -> tuple[float, float]:
    assert dimension.low is not None and dimension.high is not None
    return dimension.low, dimension.high
