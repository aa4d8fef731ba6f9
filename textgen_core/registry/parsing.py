"""From text, TOML or Python values to the typed values that options declare, and back.

In a spec, a single quote opens at the start of a value and closes at its end, so apostrophes are no
quotes.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
import types
import typing
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import attrs

from textgen_core.components import Option, OptionRules
from textgen_core.errors import ComponentError
from textgen_core.formatting import expand_home

_UNIONS = (typing.Union, types.UnionType)
_SCALARS = {int: "a whole number", float: "a number", str: "text", Path: "a path"}
# A quoted value (after `=`, a comma or the start, before a comma or the end), or a comma.
_QUOTED_OR_COMMA = re.compile(r"(?:(?<=[=,])|^)\s*'.*?'(?=\s*(?:,|$))|,", re.DOTALL)


@attrs.frozen
class BadValue(ValueError):
    """A value that an option cannot have, and what it should have been."""

    allowed: str


def convert(value: Any, declared: Any, rules: OptionRules) -> Any:
    """Return `value` (text or a plain value) as the declared type, within the rules.

    Raises BadValue, or TypeError if no option can be of that type.
    """
    try:
        converted = _parse(value, declared)
        for item in converted if isinstance(converted, tuple) else (converted,):
            _check_rules(item, rules)
    except ValueError as error:
        words = error.allowed if isinstance(error, BadValue) else describe_type(declared)
        raise BadValue(", ".join(filter(None, [words, rules.describe()]))) from None
    return converted


def _parse(value: Any, declared: Any) -> Any:
    """Return a value as the declared type; raises ValueError."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in _UNIONS:
        return _parse_union(value, declared)
    if origin is tuple:
        return _parse_tuple(value, arguments)
    value = plain_text(value)
    if origin is Literal or declared is bool:
        return _parse_literal(value, arguments or (False, True))
    if declared not in _SCALARS:
        raise TypeError(f"an option cannot be of type {declared!r}")
    try:
        return _parse_scalar(value, declared)
    except (TypeError, OverflowError) as error:
        raise ValueError from error


def _parse_union(value: Any, declared: Any) -> Any:
    if type(None) in typing.get_args(declared) and is_none(value):
        return None
    for each in _kinds_of(declared):
        try:
            return _parse(value, each)
        except ValueError:
            continue
    raise ValueError


def _parse_tuple(value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(value, str):
        value = split_list(value)
    items = value if isinstance(value, (list, tuple)) else [value]
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(items)
    return tuple(_parse(item, kind) for item, kind in zip(items, kinds, strict=True))


def _parse_literal(value: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
        if isinstance(value, str):
            text = value.strip() if isinstance(choice, str) else value.strip().lower()
            if text == _word(choice):
                return choice
    raise ValueError


def _parse_scalar(value: Any, declared: type) -> Any:
    if isinstance(value, bool):
        raise ValueError
    if declared is int:
        return int(value) if isinstance(value, str) else operator.index(value)
    if declared is float and (isinstance(value, str) or hasattr(value, "__float__")):
        number = float(value)
        if not math.isfinite(number):
            raise BadValue("a finite number")
        return number
    if declared is Path and str(value):
        return expand_home(value)  # no shell has seen it
    if declared is str and isinstance(value, str):
        return value
    raise ValueError


def _check_rules(value: Any, rules: OptionRules) -> None:
    if value is None:
        return
    if rules.choices and value not in rules.choices:
        raise ValueError
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for bound, holds in (
            (rules.at_least, operator.ge),
            (rules.at_most, operator.le),
            (rules.above, operator.gt),
            (rules.below, operator.lt),
        ):
            if bound is not None and not holds(value, bound):
                raise ValueError


def is_none(value: Any) -> bool:
    """Return whether a value is None, or the word for it in texts and in TOML."""
    return str(plain_text(value)).strip().lower() == "none"


def _word(choice: Any) -> str:
    """Return a choice as a user writes it: `none`, `true`, and texts as they are."""
    return choice if isinstance(choice, str) else str(choice).lower()


def plain_value(value: Any) -> Any:
    """Return a path as text and a tuple as a list; other values as they are."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [plain_value(item) for item in value]
    return value


def unknown_name(
    what: str, name: str, known: Iterable[str], *, place: str, advice: str = ""
) -> ComponentError:
    """Return the error for an unknown name, with the closest known one."""
    names = list(known)
    by_lower = {each.lower(): each for each in names}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=1)
    meant = f" Did you mean {by_lower[near[0]]!r}?" if near else ""
    allowed = ", ".join(names) if names else "there is none"
    return ComponentError(
        f"Unknown {what}: {name!r} ({place}).{meant}", f"Allowed: {allowed}.", advice
    )


def describe_type(declared: Any) -> str:
    """Return a declared type in words, such as `a whole number or none`."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in _UNIONS:
        words = [describe_type(each) for each in _kinds_of(declared)]
        return " or ".join([*words, "none"] if type(None) in arguments else words)
    if declared is bool:
        return "true or false"
    if origin is Literal:
        return ", ".join(map(_word, arguments))
    if origin is tuple:
        words = [describe_type(each) for each in arguments if each is not Ellipsis]
        if arguments[-1] is Ellipsis:
            return f"a list of values, each {words[0]}"
        return f"a list of {len(words)} values: " + ", ".join(words)
    return _SCALARS.get(declared, str(declared))


def listed_values(option: Option) -> Iterator[Any]:
    """Yield the values that an option lists: its choices, a Literal's, true and false, None.

    The choices of a tuple are those of its items: each is yielded as a tuple of nothing else.
    """
    kinds = _kinds_of(option.type)
    is_tuple = len(kinds) == 1 and typing.get_origin(kinds[0]) is tuple
    items = typing.get_args(kinds[0]) if is_tuple else ()
    for choice in option.rules.choices:
        yield (choice,) * (1 if Ellipsis in items else len(items)) if is_tuple else choice
    for kind in kinds:
        if kind is bool:
            yield from (False, True)
        elif typing.get_origin(kind) is Literal:
            yield from typing.get_args(kind)
    if type(None) in typing.get_args(option.type):
        yield None


def number_type(declared: Any) -> type[int | float] | None:
    """Return which numbers an option holds, alone or in a list of any length; None if others."""
    for kind in _kinds_of(declared):
        items = typing.get_args(kind)
        item = items[0] if typing.get_origin(kind) is tuple and Ellipsis in items else kind
        if item is int or item is float:
            return int if item is int else float
    return None


def _kinds_of(declared: Any) -> list[Any]:
    """Return the members of a union but None; of another type itself."""
    if typing.get_origin(declared) not in _UNIONS:
        return [declared]
    return [each for each in typing.get_args(declared) if each is not type(None)]


class SpecText(str):
    """The text of an option in a spec, where single quotes protect commas; elsewhere they stay."""

    __slots__ = ()


def plain_text(value: Any) -> Any:
    """Return a text without the quotes that protected it in a spec; other values as they are."""
    return str(unquote(value)) if isinstance(value, SpecText) else value


def split_list(text: str) -> list[str]:
    """Split a list's text at its commas, outside single quotes, and drop the quotes."""
    if not text.strip():
        return []
    borders = [-1, *unquoted_commas(text), len(text)]
    return [unquote(text[start + 1 : end]) for start, end in pairwise(borders)]


def unquoted_commas(text: str) -> list[int]:
    """Return where the commas are that no pair of single quotes protects."""
    return [match.start() for match in _QUOTED_OR_COMMA.finditer(text) if match.group() == ","]


def unquote(text: str) -> str:
    """Return a text without the pair of single quotes around it, if there is one."""
    bare = text.strip()
    return bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] == "'" else text
