"""The samplers in their order, bound to a tokenizer, and the options that are numbers at run time.

A traced option is an input of what is compiled, so that another value needs no other program.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Literal

import attrs
import tokenizers

from textgen_core.components import Sampler, options_of
from textgen_core.errors import PluginFailure, component_errors

_DTYPES: dict[type, Literal["int32", "float32"]] = {int: "int32", float: "float32"}
_LARGEST = 2**31 - 1  # an int32; an option beyond it means as much


@attrs.frozen(kw_only=True, eq=False)
class Link:
    """One sampler of a chain.

    given: as it was requested; bound: to the tokenizer; name: what it is called in errors.
    traced, arguments: the options, with the dtypes of their tensors, that are set on a copy, and
    those that `transform` takes, which is the older way.
    """

    given: Sampler
    bound: Sampler
    name: str
    traced: Mapping[str, Literal["int32", "float32"]]
    arguments: Mapping[str, Literal["int32", "float32"]]

    @property
    def dtypes(self) -> dict[str, Literal["int32", "float32"]]:
        """The dtypes of all options that are numbers at run time, by name."""
        return {**self.traced, **self.arguments}

    @property
    def keeps_state(self) -> bool:
        """Whether the sampler has a state beside the history."""
        return hasattr(self.bound, "initial_state")

    def is_compatible(self, sampler: Sampler) -> bool:
        """Whether another sampler differs in numbers at run time alone."""
        if type(sampler) is not type(self.given):
            return False
        same = {name: getattr(self.given, name) for name in self.dtypes}
        return bool(with_fields(sampler, same) == self.given)

    def values_of(self, sampler: Sampler) -> dict[str, float]:
        """Return what a compatible sampler has for the numbers at run time."""
        return {
            name: min(value, _LARGEST) if dtype == "int32" else float(value)
            for name, dtype in self.dtypes.items()
            for value in [getattr(sampler, name)]
        }


class Chain:
    """A chain of samplers, bound to a tokenizer."""

    def __init__(
        self, samplers: Sequence[Sampler], labels: Sequence[str], tokenizer: tokenizers.Tokenizer
    ) -> None:
        """Bind the samplers; `labels` are what they are called in errors."""
        self.tokenizer = tokenizer
        self.links = tuple(
            _link(sampler, f"The sampler {label}", tokenizer)
            for sampler, label in zip(samplers, labels, strict=True)
        )

    def is_compatible(self, samplers: Sequence[Sampler]) -> bool:
        """Whether `samplers` are those of the chain, but for numbers that `values` returns."""
        if len(samplers) != len(self.links):
            return False
        return all(map(Link.is_compatible, self.links, samplers))

    def values(self, samplers: Sequence[Sampler]) -> tuple[Mapping[str, float], ...]:
        """Return what compatible samplers have for the numbers at run time, in their order."""
        return tuple(map(Link.values_of, self.links, samplers))


def with_fields(sampler: Sampler, values: Mapping[str, object]) -> Sampler:
    """Return a copy with other values, tensors perhaps: no converter or validator sees them."""
    if not values:
        return sampler
    other = copy.copy(sampler)
    for name, value in values.items():
        object.__setattr__(other, name, value)
    return other


def _link(sampler: Sampler, name: str, tokenizer: tokenizers.Tokenizer) -> Link:
    bound = sampler
    if hasattr(sampler, "bind"):
        with component_errors(name):
            bound = sampler.bind(tokenizer)
        if not callable(getattr(bound, "transform", None)):
            raise PluginFailure(
                f"{name}: bind returned {type(bound).__name__}, not a sampler.",
                "Allowed: a sampler, or the same one.",
            )
    options = options_of(type(sampler)) if attrs.has(type(sampler)) else ()
    numeric = {each.name: _DTYPES[each.type] for each in options if each.type in _DTYPES}
    declared = inspect.signature(bound.transform).parameters
    arguments = {each: dtype for each, dtype in numeric.items() if each in declared}
    for each in arguments:
        warnings.warn(
            f"{name}: options as arguments of transform are removed in textgen 0.3. Declare "
            f"{each} with option(..., traced=True), and read self.{each}.",
            DeprecationWarning,
            stacklevel=2,
        )
    # What `bind` made of an option is not the option: it is built into the program.
    traced = {
        each.name: numeric[each.name]
        for each in options
        if each.rules.traced
        and each.name in numeric
        and getattr(bound, each.name, None) == getattr(sampler, each.name)
    }
    return Link(given=sampler, bound=bound, name=name, traced=traced, arguments=arguments)
