"""Values of the command line that are plainly right, taken as they are.

Typer checks every value with pydantic, the absent ones too, and pydantic takes longer to import
than all else until a text begins. So it is left with what it might refuse, and words the refusal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args, get_origin

_NUMBER = re.compile("0|[1-9][0-9]{0,17}", re.ASCII)
_UNSURE = object()


def take_plain_values(command: Any) -> None:
    """Let a command, and those within it, check only values that may be wrong.

    Other versions of Typer, which do not say what a parameter is declared as, are left alone.
    """
    command.get_params = partial(_parameters, command.get_params)
    for inner in getattr(command, "commands", {}).values():
        take_plain_values(inner)


def _parameters(get_params: Callable[[Any], list[Any]], context: Any) -> list[Any]:
    """Return the parameters of a command, `--help` among them, which it adds by itself."""
    found = get_params(context)
    for each in found:
        if hasattr(each, "type_descriptor") and not isinstance(each.process_value, partial):
            each.process_value = partial(_process, each, each.process_value)
    return found


def _process(parameter: Any, check: Any, context: Any, value: Any) -> Any:
    """Do what `process_value` of a parameter does: to a plain value without `check`, its own."""
    plain = _plain(parameter, value)
    if plain is _UNSURE or (parameter.required and parameter.value_is_missing(plain)):
        return check(context, value)
    return plain if parameter.callback is None else parameter.callback(context, parameter, plain)


def _plain(parameter: Any, value: Any) -> Any:
    """Return a value as its parameter is declared, or _UNSURE."""
    declared, rules = parameter.type_descriptor.annotation, parameter.type_descriptor.parameter_info
    is_list = parameter.multiple or parameter.nargs == -1
    if value is None:
        return () if is_list else None
    if rules.parser is not None or (parameter.nargs != 1 and not is_list):
        return _UNSURE
    if declared == list[str] and is_list and isinstance(value, (list, tuple)):
        return list(value) if all(isinstance(each, str) for each in value) else _UNSURE
    is_choice = get_origin(declared) is Literal and value in get_args(declared)
    if isinstance(value, str) and (declared is str or is_choice):
        return value
    if declared is int and not rules.clamp:
        return _whole_number(value, rules.min, rules.max)
    return _UNSURE


def _whole_number(value: Any, least: float | None, most: float | None) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    within = type(value) is int and (least is None or value >= least)
    return value if within and (most is None or value <= most) else _UNSURE
