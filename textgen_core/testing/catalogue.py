"""Every check of the kit, by the kinds that it is for.

This module knows nothing about how a check is run.
"""

from __future__ import annotations

from textgen_core.errors import ComponentError
from textgen_core.registry.registry import KINDS
from textgen_core.testing import (
    component_checks,
    conduct_checks,
    drawing_checks,
    exploration_checks,
    metric_checks,
    model_checks,
    option_checks,
    random_state_checks,
    restoring_checks,
    sampler_checks,
    tokenizer_checks,
    tracker_checks,
)
from textgen_core.testing.check import Check

CHECKS: tuple[Check, ...] = (
    *component_checks.CHECKS,
    *option_checks.CHECKS,
    *restoring_checks.CHECKS,
    *random_state_checks.CHECKS,
    *conduct_checks.CHECKS,
    *tokenizer_checks.CHECKS,
    *model_checks.CHECKS,
    *exploration_checks.CHECKS,
    *sampler_checks.CHECKS,
    *drawing_checks.CHECKS,
    *metric_checks.CHECKS,
    *tracker_checks.CHECKS,
)


def checks_for(kind: str) -> tuple[Check, ...]:
    """Return the checks for components of a kind; raises ComponentError if there is no such."""
    if kind not in KINDS:
        raise ComponentError(f"{kind!r} is no kind.", f"Allowed: {', '.join(KINDS)}.")
    return tuple(each for each in CHECKS if kind in each.kinds)
