"""Checks of every component: it registers, says what it is, loads lightly, and takes its options.

Options can be set in each way, and only to what is allowed.
"""

from __future__ import annotations

import inspect
import math
import tomllib
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from textgen_core.components import Option, options_of
from textgen_core.errors import ComponentError
from textgen_core.registry.parsing import BadValue, listed_values, plain_value
from textgen_core.registry.registry import KINDS
from textgen_core.registry.specs import check_instance, construct, format_spec, parse_spec
from textgen_core.registry.validation import UnusablePluginError, check_class, check_component
from textgen_core.testing.check import ConformanceFault, check, require
from textgen_core.testing.fresh_process import NOT_FOUND, run_fresh
from textgen_core.testing.subject import Subject

HEAVY = ("tensorflow", "keras", "tokenizers", "numpy")
_NEW_IMPORTS = "import sys; found = [each for each in given if each in {*sys.modules} - before]"


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
    is_whole = len(lines) == 1 or not lines[1].strip()
    problem = "The summary goes on after its first line, which is all that is shown"
    require(is_whole, f"{problem}: {lines[0]!r}")


@check("import.light", *KINDS)
def imports_light(subject: Subject) -> str | None:
    """Importing its module imports none of tensorflow, keras, tokenizers, numpy."""
    imported = run_fresh(subject.cls, _NEW_IMPORTS, HEAVY)
    if imported is None:
        return NOT_FOUND
    module = subject.cls.__module__
    require(not imported, f"Importing {module} imports {', '.join(imported)}.")
    return None


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
        if _number_type(declared.type) is None:
            continue
        if declared.rules.choices:
            continue  # what is allowed is listed
        bounds = list(values_at_bounds(declared))
        require(bounds, f"The number {declared.name!r} has no bound and no choices.")
        for _, beyond in bounds:
            _require_refused(subject, declared.name, beyond)
        for within, _ in bounds:
            _require_taken(subject, declared, within)


@check("options.traced", *KINDS)
def options_are_traced_where_they_can_be(subject: Subject) -> None:
    """Only an int or a float of a sampler is `traced`: an option that becomes a scalar tensor."""
    for each in options_of(subject.cls):
        if each.rules.traced:
            what = f"{each.name!r} is traced, and "
            require(subject.kind == "sampler", f"{what}nothing traces a {subject.kind}.")
            is_number = each.type in (int, float)
            require(is_number, f"{what}of another type than int or float: {each.type}.")


def _attempts(subject: Subject, name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each way to set an option, with the component that it makes or what it raises."""
    import tomli_w

    plain = plain_value(value)
    table = {"name": "x", name: "none" if value is None else plain}
    text, toml = format_spec("x", {name: plain}), tomllib.loads(tomli_w.dumps(table))

    def make_from(spec: Any) -> Any:
        return construct(subject.cls, parse_spec(spec), place="the conformance kit")

    ways: dict[str, Callable[[], Any]] = {
        "Python": lambda: check_instance(subject.cls(**{name: value}), place="Python"),
        f"a spec's text, {text!r}": lambda: make_from(text),
        f"TOML, {toml!r}": lambda: make_from(toml),
    }
    for way, make in ways.items():
        try:
            yield way, make()
        except Exception as error:
            yield way, error


def _require_round_trip(subject: Subject, name: str, value: Any) -> None:
    try:
        subject.cls(**{name: value})
    except ValueError:
        return  # a rule between options, which this value breaks beside the others' defaults
    for way, found in _attempts(subject, name, value):
        if isinstance(found, Exception):
            raise ConformanceFault(f"{name}={value!r} is refused from {way}: {found}") from found
        again = getattr(found, name)
        # A whole number may be given for a float: 1 and 1.0 are one value, 1 and True are not.
        same = again == value and isinstance(again, bool) == isinstance(value, bool)
        require(same, f"{name}={value!r} becomes {again!r} from {way}.")


def _require_refused(subject: Subject, name: str, value: Any) -> None:
    for way, found in _attempts(subject, name, value):
        # In Python its own rule may speak first.
        if not isinstance(found, ComponentError | ValueError):
            _require_no_other(found, f"{name}={value!r} from {way}")
            raise ConformanceFault(f"{name}={value!r} is beyond the bounds, and taken from {way}.")


def _require_taken(subject: Subject, declared: Option, value: Any) -> None:
    what = f"{declared.name}={value!r}"
    for way, found in _attempts(subject, declared.name, value):
        is_fault = isinstance(found, ComponentError)
        cause = found.__cause__ if is_fault else None
        is_rule = isinstance(cause, ValueError) and not isinstance(cause, BadValue)
        if is_rule or isinstance(found, ValueError):
            continue  # a rule between options
        if is_fault:
            allowed = declared.rules.describe()
            problem = f"{what} is within {allowed}, and refused from {way}."
            raise ConformanceFault(problem) from found
        _require_no_other(found, f"{what} from {way}")


def _require_no_other(found: Any, what: str) -> None:
    if isinstance(found, Exception):
        raise ConformanceFault(
            f"{what} raises {type(found).__name__}: {found}. Allowed: a ValueError, for a rule "
            "between options."
        ) from found


def values_at_bounds(option: Option) -> Iterator[tuple[Any, Any]]:
    """Yield for each finite bound the last value that it lets pass, and the first it refuses."""
    rules = option.rules
    declared = (  # where what it refuses lies, and whether the bound itself passes
        (rules.at_least, -1, True),
        (rules.above, -1, False),
        (rules.at_most, 1, True),
        (rules.below, 1, False),
    )
    for bound, towards, is_included in declared:
        if bound is not None and math.isfinite(bound):
            within = _value_at(option, bound, -towards, is_next=not is_included)
            yield within, _value_at(option, bound, towards, is_next=is_included)


def _value_at(option: Option, bound: float, towards: int, *, is_next: bool) -> Any:
    """Return a value with the bound for its numbers, or with the number next to it."""
    number: float
    if _number_type(option.type) is float:
        number = math.nextafter(bound, towards * math.inf) if is_next else float(bound)
    elif is_next:
        number = math.ceil(bound) - 1 if towards < 0 else math.floor(bound) + 1
    else:
        number = math.floor(bound) if towards < 0 else math.ceil(bound)
    return _filled(option.type, option.default, number)


def _number_type(declared: Any) -> type | None:
    """Return int or float if values of the type are such numbers, or hold some; else None."""
    if declared in (int, float):
        return declared  # type: ignore[no-any-return]
    if typing.get_origin(declared) is Literal:
        return None  # it lists its values
    found = (_number_type(each) for each in typing.get_args(declared))
    return next((each for each in found if each is not None), None)


def _filled(declared: Any, default: Any, number: float) -> Any:
    """Return a value of a type with the number in place of every number."""
    arguments = typing.get_args(declared)
    if declared in (int, float):
        return number
    if typing.get_origin(declared) is tuple:
        types = arguments[:1] if arguments[-1] is Ellipsis else arguments
        others = default if isinstance(default, tuple) and len(default) == len(types) else None
        pairs = zip(types, others or (None,) * len(types), strict=True)
        return tuple(_filled(each, other, number) for each, other in pairs)
    if _number_type(declared) is not None:
        return _filled(next(each for each in arguments if _number_type(each)), default, number)
    if default is not None:
        return default
    plain = {bool: False, str: "x", Path: Path("x")}
    return plain.get(declared, arguments[0] if arguments else None)
