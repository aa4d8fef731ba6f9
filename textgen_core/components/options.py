"""`option()`, which declares what a user may set of a component, with the rules for its value.

The core checks the rules before it constructs a component.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_type_hints

import attrs

_REMEMBERED = 256  # components whose options are kept: their annotations are read for a while
RULES = "textgen"  # the key of OptionRules in an attrs field's metadata


@attrs.frozen(kw_only=True)
class OptionRules:
    """What a value of an option must satisfy beside its declared type; see `option`."""

    help: str
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[Any, ...] = ()
    traced: bool = False

    def describe(self) -> str:
        """Describe the bounds.

        Returns:
            Words such as `above 0, at most 1`; empty if there are none.
        """
        bounds = (
            ("at least", self.at_least),
            ("above", self.above),
            ("at most", self.at_most),
            ("below", self.below),
        )
        words = [f"{word} {_number(bound)}" for word, bound in bounds if bound is not None]
        if self.choices:
            words.append("one of " + ", ".join(str(choice) for choice in self.choices))
        return ", ".join(words)


def _number(bound: float) -> str:
    """Return a bound with all its digits, without a decimal point where it is whole."""
    is_whole = math.isfinite(bound) and bound == int(bound)
    return str(int(bound)) if is_whole else repr(bound)


def option(
    default: Any,
    *,
    help: str,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Sequence[Any] = (),
    traced: bool = False,
) -> Any:
    """Declare an option of a component: a keyword-only attrs field with rules for its value.

    The field's annotation is the type that specs and files are read as: bool, int, float, str,
    Path, Literal, tuples of these, or any of these with None. The core checks the rules before it
    constructs the component.

    Args:
        default: an immutable value.
        help: what the option does, in one sentence.
        at_least: lower bound, included; in a tuple the bounds hold for every item.
        at_most: upper bound, included.
        above: lower bound, excluded.
        below: upper bound, excluded.
        choices: the allowed values, where they are few.
        traced: an int or float of a sampler that may change without compiling again. The core sets
            it to a scalar tensor, int32 or float32, on a copy of the sampler before it traces
            `transform`, which reads it as any field; it must not decide a Python `if` there.

    Returns:
        An `attrs.field` that carries the rules in its metadata.
    """
    rules = OptionRules(
        help=help,
        at_least=at_least,
        at_most=at_most,
        above=above,
        below=below,
        choices=tuple(choices),
        traced=traced,
    )
    return attrs.field(default=default, kw_only=True, metadata={RULES: rules})


@attrs.frozen(kw_only=True)
class Option:
    """An option as declared: its name, its resolved type, its default and its rules."""

    name: str
    type: Any
    default: Any
    rules: OptionRules


def options_of(component: type) -> tuple[Option, ...]:
    """Return the options that an attrs class declares with `option()`, in their order.

    Args:
        component: an attrs class.

    Returns:
        One Option for each field that `option()` made; other fields are left out.

    Raises:
        NameError: an annotation names what its module does not have.
        TypeError: an annotation is no type.
    """
    return _options_of(component)


@lru_cache(_REMEMBERED)
def _options_of(component: type) -> tuple[Option, ...]:
    hints = get_type_hints(component)
    return tuple(
        Option(
            name=field.name,
            type=hints[field.name],
            default=field.default,
            rules=field.metadata[RULES],
        )
        for field in attrs.fields(component)
        if RULES in field.metadata
    )
