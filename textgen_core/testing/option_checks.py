"""Checks of every component's options: they can be set in each way, and only to what is allowed.

This module knows nothing about what a component does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import partial
from typing import Any

from textgen_core.components import Option, options_of
from textgen_core.errors import ComponentError
from textgen_core.registry.parsing import listed_values, plain_value
from textgen_core.registry.registry import KINDS
from textgen_core.registry.specs import check_instance, construct, format_spec, parse_spec
from textgen_core.testing.check import ConformanceFault, check, require
from textgen_core.testing.option_bounds import (
    beyond_bounds,
    is_bounded,
    number_type,
    within_bounds,
)
from textgen_core.testing.subject import Subject


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
        for value in (declared.default, *listed_values(declared)):
            _require_round_trip(subject, declared.name, value)


@check("options.bounds", *KINDS)
def options_keep_bounds(subject: Subject) -> None:
    """Every number has bounds or choices: what is beyond is refused, the last within is taken."""
    for declared in options_of(subject.cls):
        if number_type(declared.type) is None:
            continue
        require(is_bounded(declared), f"The number {declared.name!r} has no bound and no choices.")
        if declared.rules.choices:
            continue  # what is allowed is listed
        for value in beyond_bounds(declared):
            _require_refused(subject, declared.name, value)
        for value in within_bounds(declared):
            _require_taken(subject, declared, value)


CHECKS = (options_have_help, options_survive, options_keep_bounds)


def _require_round_trip(subject: Subject, name: str, value: Any) -> None:
    try:
        meant = check_instance(subject.cls(**{name: value}), place="Python")
    except ValueError:
        return  # a rule between options, which this value breaks beside the others' defaults
    _require_same(meant, name, value, "Python", repr(value))
    for way, spec in _written(name, value).items():
        try:
            found = construct(subject.cls, parse_spec(spec), place=way)
        except ComponentError as error:
            raise ConformanceFault(
                f"{name}={value!r} is refused from {way}, {spec!r}: {error}"
            ) from error
        _require_same(found, name, value, way, repr(spec))


def _written(name: str, value: Any) -> dict[str, Any]:
    """Return an option's value as a person writes it, by the way of writing."""
    written = "none" if value is None else plain_value(value)
    return {
        "a spec's text": format_spec("x", {name: plain_value(value)}),
        "TOML": _through_toml({"name": "x", name: written}),
    }


def _through_toml(table: dict[str, Any]) -> dict[str, Any]:
    import tomli_w

    return tomllib.loads(tomli_w.dumps(table))


def _require_same(instance: Any, name: str, value: Any, way: str, written: str) -> None:
    found = getattr(instance, name)
    # A whole number may be given for a float: 1 and 1.0 are one value, 1 and True are not.
    same = found == value and isinstance(found, bool) == isinstance(value, bool)
    require(same, f"{name}={value!r} becomes {found!r} from {way}, {written}.")


def _ways_to_make(subject: Subject, name: str, value: Any) -> dict[str, Callable[[], Any]]:
    """Return what makes the component with an option's value, by the way of writing it."""

    def from_written(way: str, spec: Any) -> Any:
        return construct(subject.cls, parse_spec(spec), place=way)

    ways: dict[str, Callable[[], Any]] = {
        way: partial(from_written, way, spec) for way, spec in _written(name, value).items()
    }
    ways["Python"] = lambda: check_instance(subject.cls(**{name: value}), place="Python")
    return ways


def _require_refused(subject: Subject, name: str, value: Any) -> None:
    for way, make in _ways_to_make(subject, name, value).items():
        try:
            make()
        except (ComponentError, ValueError):  # in Python its own rule may speak first
            continue
        raise ConformanceFault(f"{name}={value!r} is beyond the bounds, and taken from {way}.")


def _require_taken(subject: Subject, declared: Option, value: Any) -> None:
    name = declared.name
    for way, make in _ways_to_make(subject, name, value).items():
        try:
            make()
        except ValueError:
            continue  # a rule between options
        except ComponentError as error:
            if isinstance(error.__cause__, ValueError):
                continue
            raise ConformanceFault(
                f"{name}={value!r} is within {declared.rules.describe()}, and refused from {way}."
            ) from error
        except Exception as error:
            raise ConformanceFault(
                f"{name}={value!r} from {way} raises {type(error).__name__}: {error}. Allowed: a "
                "ValueError, for a rule between options."
            ) from error
