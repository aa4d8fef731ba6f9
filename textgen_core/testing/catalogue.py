"""Every check of the kit, by the kinds that it is for."""

from __future__ import annotations

from textgen_core.errors import ComponentError
from textgen_core.registry.registry import KINDS
from textgen_core.testing import (
    component_checks,
    conduct_checks,
    drawing_checks,
    metric_checks,
    model_checks,
    restoring,
    sampler_checks,
    tokenizer_checks,
    tracker_checks,
)
from textgen_core.testing.check import Check

_MODULES = (
    component_checks,
    restoring,
    conduct_checks,
    tokenizer_checks,
    model_checks,
    sampler_checks,
    drawing_checks,
    metric_checks,
    tracker_checks,
)

# Each module's checks in the order in which they are defined.
CHECKS: tuple[Check, ...] = tuple(
    each for module in _MODULES for each in vars(module).values() if isinstance(each, Check)
)


def checks_for(kind: str) -> tuple[Check, ...]:
    """Return the checks for components of a kind.

    Args:
        kind: "tokenizer", "model", "sampler", "metric" or "tracker".

    Returns:
        The checks, in the order in which they are run.

    Raises:
        ComponentError: there is no such kind.
    """
    if kind not in KINDS:
        raise ComponentError(f"{kind!r} is no kind.", f"Allowed: {', '.join(KINDS)}.")
    return tuple(each for each in CHECKS if kind in each.kinds)
