"""From a spec, a TOML table or Python values to checked, typed options.

    NAME[:option=value[,option=value...]]      lstm:units=512,layers=3     nucleus:0.9

A first item without `=` is the component's first option; a later one continues the value before
it, so that `units=256,128` is a list; single quotes around a value protect a comma that precedes
something like `key=`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import attrs

from textgen_core.components import options_of
from textgen_core.errors import ComponentError
from textgen_core.registry.parsing import check_options
from textgen_core.registry.quoting import SpecText, unquoted_commas

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
        return _parse_mapping(value)
    raise ComponentError(
        f"A component cannot be given as {type(value).__name__}: {value!r}.",
        'Allowed: a spec such as "nucleus:p=0.9", a dict with "name", or an instance.',
    )


def _parse_text(text: str) -> Spec:
    name, colon, rest = text.strip().partition(":")
    name = name.strip()
    if not name:
        raise ComponentError(
            f"The spec {text!r} names no component.", "Allowed: NAME or NAME:option=value,..."
        )
    if not colon or not rest.strip():
        return Spec(name=name)
    positional: str | None = None
    options: dict[str, Any] = {}
    for item in _split_items(rest):
        key = _KEY.match(item)
        if key is None:
            positional = SpecText(item)
        elif (word := key.group(1).replace("-", "_")) in options:
            raise ComponentError(f"The spec {text!r} gives {word} twice.")
        else:
            options[word] = SpecText(item[key.end() :])
    return Spec(name=name, options=options, positional=positional)


def _parse_mapping(table: Mapping[str, Any]) -> Spec:
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise ComponentError(
            f"A component's table needs a name: {dict(table)!r}.", 'Allowed: name = "NAME".'
        )
    return Spec(name=name, options={key: table[key] for key in table if key != "name"})


def _split_items(text: str) -> list[str]:
    """Split at the commas that precede a `key=`, outside single quotes."""
    borders = [each for each in unquoted_commas(text) if _KEY.match(text, each + 1)]
    return [text[start + 1 : end] for start, end in pairwise([-1, *borders, len(text)])]


def construct(component: type, spec: Spec, *, place: str) -> Any:
    """Return an instance of `component` with the options of `spec`, checked and converted.

    Raises ComponentError with every fault at once; `place` says where the spec was given.
    """
    declared = options_of(component)
    options = dict(spec.options)
    if spec.positional is not None:
        if not declared:
            raise ComponentError(f"{spec.name} takes no options ({place}: {spec.positional!r}).")
        if declared[0].name in options:
            raise ComponentError(f"{place}: {declared[0].name} is given twice.")
        options = {declared[0].name: spec.positional, **options}
    values = check_options(declared, options, owner=spec.name, place=place)
    try:
        return component(**values)
    except ValueError as error:
        raise ComponentError(f"{spec.name} ({place}): {str(error).rstrip('.')}.") from error


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


def format_spec(name: str, options: Mapping[str, Any]) -> str:
    """Return the spec text of a name and plain options: what `parse_spec` reads back."""
    if not options:
        return name
    return name + ":" + ",".join(f"{key}={_spec_value(value)}" for key, value in options.items())


def _spec_value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ",".join(_spec_value(item) for item in value)
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return f"'{value}'"
    return str(value)
