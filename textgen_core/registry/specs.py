"""From a spec, a TOML table or Python values to checked, typed options.

    NAME[:option=value[,option=value...]]      lstm:units=512,layers=3     nucleus:0.9

A first item without `=` is the component's first option; a later one continues the value before
it, so that `units=256,128` is a list; single quotes around a value protect a comma that precedes
something like `key=`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs

from textgen_core.components import RULES, Option, options_of
from textgen_core.errors import ComponentError, Faults
from textgen_core.registry.parsing import (
    BadValue,
    SpecText,
    convert,
    plain_value,
    unknown_name,
    unquoted_commas,
)

_KEY = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_-]*)=")
_PLAIN = re.compile(r"(?!['\s])[^,=]+(?<!\s)")  # a text that needs no quotes


@attrs.frozen(kw_only=True)
class Spec:
    """A request for a component: its name, and options as text or as values.

    positional: the text of a first item without `=`, which belongs to the first option.
    """

    name: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    positional: str | None = None


def parse_spec(value: Any) -> Spec:
    """Return the Spec of a text such as `nucleus:p=0.9` or of a mapping with a "name".

    Raises ComponentError if it is neither, or has no name.
    """
    if isinstance(value, Spec):
        return value
    if isinstance(value, str):
        return _parse_text(value)
    if isinstance(value, Mapping):
        name = value.get("name")
        if isinstance(name, str) and name:
            return Spec(name=name, options={key: value[key] for key in value if key != "name"})
        problem = f"A component's table needs a name: {dict(value)!r}."
        raise ComponentError(problem, 'Allowed: name = "NAME".')
    raise ComponentError(
        f"A component cannot be given as {type(value).__name__}: {value!r}.",
        'Allowed: a spec such as "nucleus:p=0.9", a dict with "name", or an instance.',
    )


def _parse_text(text: str) -> Spec:
    name, _, rest = map(str.strip, text.partition(":"))
    if not name:
        problem = f"The spec {text!r} names no component."
        raise ComponentError(problem, "Allowed: NAME or NAME:option=value,...")
    if not rest:
        return Spec(name=name)
    positional: str | None = None
    options: dict[str, Any] = {}
    borders = [each for each in unquoted_commas(rest) if _KEY.match(rest, each + 1)]
    for start, end in pairwise([-1, *borders, len(rest)]):
        item = rest[start + 1 : end]
        key = _KEY.match(item)
        if key is None:
            positional = SpecText(item)
        elif (word := key.group(1).replace("-", "_")) in options:
            raise ComponentError(f"The spec {text!r} gives {word} twice.")
        else:
            options[word] = SpecText(item[key.end() :])
    return Spec(name=name, options=options, positional=positional)


def construct(component: type, spec: Spec, *, place: str) -> Any:
    """Return an instance of `component` with the options of `spec`, checked and converted.

    Raises ComponentError with every fault at once; `place` says where the spec was given.
    """
    options = named_options(spec, component, place=place)
    values = check_options(options_of(component), options, owner=spec.name, place=place)
    try:
        return component(**values)
    except ValueError as error:
        raise ComponentError(f"{spec.name} ({place}): {str(error).rstrip('.')}.") from error


def check_options(
    declared: Sequence[Option], given: Mapping[str, Any], *, owner: str, place: str
) -> dict[str, Any]:
    """Return the given values converted to their declared types.

    owner: the component or the section, and place: where the values were given, as messages name
    them. Raises ComponentError with every fault at once.
    """
    by_name = {each.name: each for each in declared}
    values: dict[str, Any] = {}
    faults = Faults()
    for name, value in given.items():
        with faults.collecting():
            if name not in by_name:
                raise unknown_name(f"option of {owner}", name, by_name, place=place)
            try:
                values[name] = convert(value, by_name[name].type, by_name[name].rules)
            except BadValue as bad:
                shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
                problem = f"{owner}: {name} cannot be {shown} ({place})."
                raise ComponentError(problem, f"Allowed: {bad.allowed}.") from bad
    faults.raise_any()
    return values


def named_options(spec: Spec, component: type, *, place: str) -> Mapping[str, Any]:
    """Return the options of a spec by name: the positional one is the component's first."""
    if spec.positional is None:
        return spec.options
    first = next((each.name for each in options_of(component)), None)
    if first is None:
        raise ComponentError(f"{spec.name} takes no options ({place}: {spec.positional!r}).")
    if first in spec.options:
        raise ComponentError(f"{place}: {first} is given twice.")
    return {first: spec.positional, **spec.options}


def check_instance(instance: Any, *, place: str) -> Any:
    """Check an instance that was constructed in Python as if its options were given in a spec.

    Returns it, or one like it where a value had to be converted: `p="0.9"` becomes a number.
    """
    declared = options_of(type(instance))
    given = {each.name: getattr(instance, each.name) for each in declared}
    values = check_options(declared, given, owner=type(instance).__name__, place=place)
    converted = {
        name: value
        for name, value in values.items()
        if type(value) is not type(given[name]) or value != given[name]
    }
    return attrs.evolve(instance, **converted) if converted else instance


def plain_options(instance: Any) -> dict[str, Any]:
    """Return the options of an instance as TOML and JSON can hold them; None is kept."""
    return {
        field.name: plain_value(getattr(instance, field.name))
        for field in attrs.fields(type(instance))
        if RULES in field.metadata
    }


def format_spec(name: str, options: Mapping[str, Any]) -> str:
    """Return the spec text of a name and plain options: what `parse_spec` reads back."""
    if not options:
        return name
    return name + ":" + ",".join(f"{key}={format_value(value)}" for key, value in options.items())


def format_value(value: Any) -> str:
    """Return a plain value as it is written in a spec."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ",".join(format_value(item) for item in value)
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return f"'{value}'"
    return str(value)
