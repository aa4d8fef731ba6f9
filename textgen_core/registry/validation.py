"""What a plugin may register: a frozen class on a contract, whose options can be read."""

from __future__ import annotations

import inspect
import re
from typing import Any

import attrs

from textgen_core.components import Option, options_of
from textgen_core.registry.parsing import BadValue, convert
from textgen_core.registry.registry import KINDS

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class UnusablePluginError(Exception):
    """A plugin registers something that cannot be used."""


def check_component(kind: str, name: Any, cls: Any) -> None:
    """Raise UnusablePluginError, which says why `cls` cannot be registered under `name`."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UnusablePluginError(
            f"the {kind} name {name!r} is not lower-case letters, digits and single hyphens"
        )
    check_class(kind, name, cls)


def check_class(kind: str, name: str, cls: Any) -> None:
    """Raise UnusablePluginError, which says why `cls` is no component of a kind."""
    called, base = f"the {kind} {name!r}", KINDS[kind]
    if not isinstance(cls, type) or not issubclass(cls, base):
        raise UnusablePluginError(f"{called} is {cls!r}, not a subclass of {base.__name__}")
    # `attrs.frozen` on the class itself: an inherited decoration does not see the class's fields.
    if "__attrs_props__" not in vars(cls) or not vars(cls)["__attrs_props__"].is_frozen:
        raise UnusablePluginError(f"{called} ({cls.__name__}) is not decorated by attrs.frozen")
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(vars(cls)["__abstractmethods__"]))
        raise UnusablePluginError(f"{called} ({cls.__name__}) does not define {missing}")
    try:
        declared = options_of(cls)
    except Exception as error:
        raise UnusablePluginError(f"the options of {called} cannot be read: {error}") from error
    names = {each.name for each in declared}
    for field in vars(cls)["__attrs_attrs__"]:
        # `bind` may keep what it finds in a private field, which is no option.
        has_default = field.default is not attrs.NOTHING
        private = not field.init or (has_default and field.name.startswith("_"))
        if field.name not in names and not private:
            raise UnusablePluginError(
                f"{called} has the field {field.name!r}, which no option() declares"
            )
    for each in declared:
        _check_option(each, f"the option {each.name!r} of {called}")


def _check_option(declared: Option, called: str) -> None:
    """Raise UnusablePluginError unless the option can be set, and its default is allowed."""
    if declared.name == "name" or declared.name.startswith("_"):
        raise UnusablePluginError(f"{called} cannot have that name")
    if isinstance(declared.default, (list, dict, set)):
        raise UnusablePluginError(f"{called} has a mutable default: {declared.default!r}")
    try:
        convert(declared.default, declared.type, declared.rules)
    except TypeError as error:
        raise UnusablePluginError(f"{called} cannot be read: {error}") from error
    except BadValue as bad:
        raise UnusablePluginError(
            f"{called} has the default {declared.default!r}; allowed: {bad.allowed}"
        ) from bad
