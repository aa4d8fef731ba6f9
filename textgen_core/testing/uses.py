"""What a component of each kind is there for, in its cheapest form.

This module knows nothing about what is looked at meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textgen_core.testing import (
    metric_checks,
    model_checks,
    sampler_checks,
    tokenizer_checks,
    tracker_checks,
)
from textgen_core.testing.subject import Subject

USES: Mapping[str, Callable[[Subject], str | None]] = {
    "tokenizer": tokenizer_checks.use,
    "model": model_checks.use,
    "sampler": sampler_checks.use,
    "metric": metric_checks.use,
    "tracker": tracker_checks.use,
}


def use(subject: Subject) -> str | None:
    """Use a component once; return why less was done than usual, or None."""
    return USES[subject.kind](subject)
