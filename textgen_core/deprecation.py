"""Names of the public surface that are going, and the warning until they are gone.

A name that `textgen_core` exported goes in two steps: for one minor version it still works and
warns, in the next it is an error like any unknown name. This module knows nothing about what the
names mean.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Deprecation:
    """A name on its way out.

    place: where what it means lies now, `module:name`; instead: what to write in its place;
    since: the minor version that began to warn, such as `0.2`; it is gone in the next.
    """

    place: str
    instead: str
    since: str

    @property
    def gone_in(self) -> str:
        """The minor version that no longer has the name."""
        major, minor = self.since.split(".")
        return f"{major}.{int(minor) + 1}"


DEPRECATED: Mapping[str, Deprecation] = MappingProxyType({})


def find_deprecated(name: str) -> Any:
    """Return what a deprecated name means, with a DeprecationWarning at the line that asks for it.

    Raises KeyError if the name is not a deprecated one.
    """
    found = DEPRECATED[name]
    warnings.warn(
        f"textgen_core.{name} goes in textgen {found.gone_in}: use {found.instead}.",
        DeprecationWarning,
        stacklevel=3,  # past this function and the module's `__getattr__`
    )
    module, _, attribute = found.place.partition(":")
    return getattr(importlib.import_module(module), attribute)
