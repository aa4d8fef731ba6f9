"""From text, TOML or Python values to the typed values that options declare, and back.

One function checks the options of a component and the settings of a section, and reports every
fault at once. This module knows nothing about specs, names of components or files.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import attrs

from textgen_core.components import RULES, Option, OptionRules
from textgen_core.errors import ComponentError

# A quoted value (after `=`, a comma or the start, before a comma or the end), or a comma.
_QUOTED_OR_COMMA = re.compile(r"(?:(?<=[=,])|^)\s*'.*?'(?=\s*(?:,|$))|,", re.DOTALL)


class SpecText(str):
    """The text of an option in a spec, where single quotes protect commas; elsewhere they stand."""

    __slots__ = ()


def check_options(
    declared: Sequence[Option], given: Mapping[str, Any], *, owner: str, place: str
) -> tuple[dict[str, Any], list[ComponentError]]:
    """Convert and check values; return those that are right by name, and a fault for each other.

    `owner` names the component or the section, and `place` where the values were given.
    """
    by_name = {each.name: each for each in declared}
    values: dict[str, Any] = {}
    faults: list[ComponentError] = []
    for name, value in given.items():
        known = by_name.get(name)
        if known is None:
            faults.append(unknown_name(f"option of {owner}", name, by_name, place=place))
            continue
        try:
            values[name] = convert(value, known.type, known.rules)
        except BadValue as bad:
            problem = f"{owner}: {name} cannot be {_shown(value)} ({place})."
            faults.append(ComponentError(problem, f"Allowed: {bad.allowed}."))
    return values, faults


def unknown_name(
    what: str, name: str, known: Iterable[str], *, place: str, advice: str = ""
) -> ComponentError:
    """Return the error for a name that nobody knows, with the nearest one that somebody does."""
    names = list(known)
    by_lower = {each.lower(): each for each in names}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=1)
    meant = f" Did you mean {by_lower[near[0]]!r}?" if near else ""
    allowed = ", ".join(names) if names else "there is none"
    return ComponentError(
        f"Unknown {what}: {name!r} ({place}).{meant}", f"Allowed: {allowed}.", advice
    )


def plain_options(instance: Any) -> dict[str, Any]:
    """Return the options of an instance as TOML and JSON can hold them; None is kept."""
    return {
        field.name: plain_value(getattr(instance, field.name))
        for field in attrs.fields(type(instance))
        if RULES in field.metadata
    }


def plain_value(value: Any) -> Any:
    """Return a path as text and a tuple as a list; other values as they are."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [plain_value(item) for item in value]
    return value


def convert(value: Any, declared: Any, rules: OptionRules) -> Any:
    """Return `value` (text or a plain value) as the declared type, within the rules."""
    try:
        converted = _convert(value, declared)
    except BadValue as bad:
        raise BadValue(", ".join(filter(None, [bad.allowed, rules.describe()]))) from None
    if converted is None:
        return None
    for item in converted if isinstance(converted, tuple) else (converted,):
        _check_rules(item, declared, rules)
    return converted


def _convert(value: Any, declared: Any) -> Any:
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, declared, arguments)
    if origin is Literal:
        return _convert_literal(value, arguments)
    if origin is tuple:
        return _convert_tuple(value, declared, arguments)
    readers = {bool: _to_bool, int: _to_int, float: _to_float, str: _to_str, Path: _to_path}
    if declared not in readers:
        raise TypeError(f"an option cannot be of type {declared!r}")
    return readers[declared](value)


def _convert_union(value: Any, declared: Any, arguments: tuple[Any, ...]) -> Any:
    if type(None) in arguments and is_none(value):
        return None
    for each in arguments:
        if each is type(None):
            continue
        try:
            return _convert(value, each)
        except BadValue:
            continue
    raise BadValue(describe_type(declared))


def _convert_literal(value: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if isinstance(value, str) and _has_word(choice):
            if _is_word(value, _word(choice)):
                return choice
        elif isinstance(value, str):
            if _as_meant(value).strip() == str(choice):
                return choice
        elif type(value) is type(choice) and value == choice:
            return choice
    raise BadValue(", ".join(map(_word, choices)))


def _convert_tuple(value: Any, declared: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(value, str):
        items: list[Any] = list(split_list(value))
    elif isinstance(value, (list, tuple)):
        items = list(value)
    else:
        items = [value]
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_convert(item, arguments[0]) for item in items)
    if len(items) != len(arguments):
        raise BadValue(describe_type(declared))
    return tuple(_convert(item, each) for item, each in zip(items, arguments, strict=True))


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if _is_word(value, "true"):
        return True
    if _is_word(value, "false"):
        return False
    raise BadValue("true or false")


def _to_int(value: Any) -> int:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise BadValue("a whole number") from None
    if isinstance(value, bool):
        raise BadValue("a whole number")
    try:
        return operator.index(value)
    except TypeError:
        raise BadValue("a whole number") from None


def _to_float(value: Any) -> float:
    if isinstance(value, bool) or not (isinstance(value, str) or hasattr(value, "__float__")):
        raise BadValue("a number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise BadValue("a number") from None
    if not math.isfinite(number):
        raise BadValue("a finite number")
    return number


def _to_str(value: Any) -> str:
    if not isinstance(value, str):
        raise BadValue("text")
    return str(_as_meant(value))


def _to_path(value: Any) -> Path:
    path = _as_meant(value) if isinstance(value, str) else value
    if not isinstance(path, (str, Path)) or not str(path):
        raise BadValue("a path")
    return Path(path)


def _check_rules(value: Any, declared: Any, rules: OptionRules) -> None:
    if rules.choices and value not in rules.choices:
        raise BadValue(rules.describe())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    within = (
        (rules.at_least is None or value >= rules.at_least)
        and (rules.at_most is None or value <= rules.at_most)
        and (rules.above is None or value > rules.above)
        and (rules.below is None or value < rules.below)
    )
    if not within:
        raise BadValue(f"{describe_type(declared)}, {rules.describe()}")


def _is_word(value: Any, word: str) -> bool:
    return isinstance(value, str) and _as_meant(value).strip().lower() == word


def _has_word(choice: Any) -> bool:
    return choice is None or isinstance(choice, bool)


def _word(choice: Any) -> str:
    """Return a choice as a person writes it: `none`, `true`, and others as they are."""
    return str(choice).lower() if _has_word(choice) else str(choice)


def is_none(value: Any) -> bool:
    """Return whether a value is None, or the word that stands for it in texts and in TOML."""
    return value is None or _is_word(value, "none")


def _as_meant(text: str) -> str:
    """Return a plain text without the quotes that protected it in a spec."""
    return unquote(text) if isinstance(text, SpecText) else text


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def describe_type(declared: Any) -> str:
    """Return a declared type in words, such as `a whole number or none`."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in (typing.Union, types.UnionType):
        kinds = [describe_type(each) for each in arguments if each is not type(None)]
        return " or ".join([*kinds, "none"] if type(None) in arguments else kinds)
    if origin is Literal:
        return ", ".join(map(_word, arguments))
    if origin is tuple:
        kinds = [describe_type(each) for each in arguments if each is not Ellipsis]
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list of values, each {kinds[0]}"
        return f"a list of {len(kinds)} values: " + ", ".join(kinds)
    words = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text",
        Path: "a path",
    }
    return words.get(declared, str(declared))


def listed_values(option: Option) -> Iterator[Any]:
    """Yield the values that an option lists: its choices, a Literal's, true and false, None.

    The choices of a tuple are its items: each is yielded as a tuple of nothing else.
    """
    for choice in option.rules.choices:
        yield _filled(option.type, choice)
    yield from _listed(option.type)


def _listed(declared: Any) -> Iterator[Any]:
    if declared is bool:
        yield from (False, True)
    elif declared is type(None):
        yield None
    elif typing.get_origin(declared) is Literal:
        yield from typing.get_args(declared)
    elif typing.get_origin(declared) is not tuple:
        for each in typing.get_args(declared):
            yield from _listed(each)


def _filled(declared: Any, item: Any) -> Any:
    """Return a value of a type whose items are all the same; what is no tuple is the item."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin is tuple:
        return (item,) if arguments[-1:] == (Ellipsis,) else (item,) * len(arguments)
    if origin in (typing.Union, types.UnionType):
        kinds = [each for each in arguments if each is not type(None)]
        return _filled(kinds[0], item) if len(kinds) == 1 else item
    return item


def split_list(text: str) -> list[str]:
    """Split a list's text at its commas, outside single quotes, and drop the quotes."""
    if not text.strip():
        return []
    borders = [-1, *unquoted_commas(text), len(text)]
    return [unquote(text[start + 1 : end]) for start, end in pairwise(borders)]


def unquoted_commas(text: str) -> list[int]:
    """Return where the commas stand that no pair of single quotes protects.

    A quote opens at the start of a value and closes at its end, so apostrophes are no quotes.
    """
    return [match.start() for match in _QUOTED_OR_COMMA.finditer(text) if match.group() == ","]


def unquote(text: str) -> str:
    """Return a text without the pair of single quotes around it, if there is one."""
    bare = text.strip()
    return bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] == "'" else text


@attrs.frozen
class BadValue(Exception):
    """What a value should have been."""

    allowed: str
