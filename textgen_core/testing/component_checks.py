"""Checks of every component: it registers, its options can be set, and it costs nothing to list.

This module knows nothing about what a component does.
"""

from __future__ import annotations

import inspect
import tomllib
import typing
from collections.abc import Iterator
from typing import Any, Literal

from textgen_core.components import Option, options_of
from textgen_core.discovery import UnusablePluginError, check_class, check_component
from textgen_core.errors import ComponentError
from textgen_core.registry import KINDS
from textgen_core.specs import check_instance, construct, format_spec, parse_spec
from textgen_core.testing.check import ConformanceFault, check, require
from textgen_core.testing.fresh_process import NOT_FOUND, run_fresh
from textgen_core.testing.subject import Subject
from textgen_core.values import plain_value

HEAVY = ("tensorflow", "keras", "tokenizers", "numpy")
_NEW_IMPORTS = "print(*[name for name in given if name in sys.modules and name not in before])"


@check("component.registers", *KINDS)
def registers(subject: Subject) -> None:
    """Discovery accepts it: a frozen class, its contract's methods, options that can be read."""
    component = subject.component
    try:
        if subject.is_registered:
            check_component(component.kind, component.name, component.cls)
        else:
            check_class(component.kind, component.name, component.cls)
    except UnusablePluginError as error:
        raise ConformanceFault(str(error)) from error
    subject.cls()  # with the default of every option


@check("component.summary", *KINDS)
def has_summary(subject: Subject) -> None:
    """Its own docstring begins with a line that says what it is."""
    require(subject.component.summary, f"{subject.cls.__name__} has no docstring of its own.")
    lines = inspect.cleandoc(subject.cls.__doc__ or "").splitlines()
    require(
        len(lines) == 1 or not lines[1].strip(),
        f"The summary goes on after its first line, which is all that is shown: {lines[0]!r}",
    )


@check("options.help", *KINDS)
def options_have_help(subject: Subject) -> None:
    """Every option says in a line what it does."""
    for each in options_of(subject.cls):
        require(each.rules.help.strip(), f"The option {each.name!r} has no help.")
        require("\n" not in each.rules.help, f"The help of {each.name!r} has several lines.")


@check("options.round-trip", *KINDS)
def options_survive(subject: Subject) -> None:
    """Every default and every choice is the same from a spec's text, from TOML and from Python."""
    subject.cls()
    for declared in options_of(subject.cls):
        for value in _values_of(declared):
            _require_round_trip(subject, declared.name, value)


@check("import.light", *KINDS)
def imports_light(subject: Subject) -> str | None:
    """Importing its module imports none of tensorflow, keras, tokenizers, numpy."""
    imported = run_fresh(subject.cls, _NEW_IMPORTS, HEAVY)
    if imported is None:
        return NOT_FOUND
    module = subject.cls.__module__
    require(not imported, f"Importing {module} imports {imported.replace(' ', ', ')}.")
    return None


CHECKS = (registers, has_summary, options_have_help, options_survive, imports_light)


def _values_of(declared: Option) -> Iterator[Any]:
    """Yield the default, and every other value that the declaration lists."""
    yield declared.default
    yield from declared.rules.choices
    yield from _listed(declared.type)


def _listed(declared: Any) -> Iterator[Any]:
    """Yield the values that a type lists: a Literal's, true and false, None."""
    if declared is bool:
        yield from (False, True)
    elif declared is type(None):
        yield None
    elif typing.get_origin(declared) is Literal:
        yield from typing.get_args(declared)
    elif typing.get_origin(declared) is not tuple:
        for each in typing.get_args(declared):
            yield from _listed(each)


def _require_round_trip(subject: Subject, name: str, value: Any) -> None:
    try:
        meant = check_instance(subject.cls(**{name: value}), place="Python")
    except ValueError:
        return  # a rule between options, which this value breaks beside the others' defaults
    written = "none" if value is None else plain_value(value)
    ways = {
        "a spec's text": format_spec("x", {name: plain_value(value)}),
        "TOML": _through_toml({"name": "x", name: written}),
    }
    _require_same(meant, name, value, "Python", repr(value))
    for way, spec in ways.items():
        try:
            found = construct(subject.cls, parse_spec(spec), place=way)
        except ComponentError as error:
            raise ConformanceFault(
                f"{name}={value!r} is refused from {way}, {spec!r}: {error}"
            ) from error
        _require_same(found, name, value, way, repr(spec))


def _through_toml(table: dict[str, Any]) -> dict[str, Any]:
    import tomli_w

    return tomllib.loads(tomli_w.dumps(table))


def _require_same(instance: Any, name: str, value: Any, way: str, written: str) -> None:
    found = getattr(instance, name)
    # A whole number may be given for a float: 1 and 1.0 are one value, 1 and True are not.
    same = found == value and isinstance(found, bool) == isinstance(value, bool)
    require(same, f"{name}={value!r} becomes {found!r} from {way}, {written}.")
