"""Metrics that break one rule each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import ClassVar

import attrs
from testing.sound import SoundMetric

from textgen_core import Evidence, Figure

COUNTER = itertools.count()


@attrs.frozen(kw_only=True)
class Undeclared(SoundMetric):
    """Returns a figure that it does not declare."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        return {**SoundMetric.measure(self, evidence), "longest": 3.0}


@attrs.frozen(kw_only=True)
class OutOfRange(SoundMetric):
    """Leaves the range that it declares."""

    figures: ClassVar[Mapping[str, Figure]] = {"mean": Figure("neither", 0.0, 1.0)}


@attrs.frozen(kw_only=True)
class Sorting(SoundMetric):
    """Sorts the samples where they lie."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        evidence.samples.sort()  # type: ignore[attr-defined]
        return SoundMetric.measure(self, evidence)


@attrs.frozen(kw_only=True)
class Lowering(SoundMetric):
    """Takes the least loss away from all others, in the array that it is given."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        if len(evidence.token_losses):
            evidence.token_losses[:] -= evidence.token_losses.min()
        return SoundMetric.measure(self, evidence)


@attrs.frozen(kw_only=True)
class NoFigures(SoundMetric):
    """Declares none."""

    figures: ClassVar[Mapping[str, Figure]] = {}


@attrs.frozen(kw_only=True)
class Moody(SoundMetric):
    """Measures something else each time."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        return {"mean": float(next(COUNTER))}


@attrs.frozen(kw_only=True)
class Dividing(SoundMetric):
    """Divides by the number of samples."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        return {"mean": sum(map(len, evidence.samples)) / len(evidence.samples)}


@attrs.frozen(kw_only=True)
class Undefined(SoundMetric):
    """Has no figure for anything."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        return {"mean": math.nan}


@attrs.frozen(kw_only=True)
class Unsigned(SoundMetric):
    """Does not know how to sign."""

    def signature(self) -> str:
        raise LookupError("no version")


@attrs.frozen(kw_only=True)
class Leaving(SoundMetric):
    """Ends the program."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        raise SystemExit(0)


BROKEN: tuple[tuple[str, type, str], ...] = (
    ("metric.figures", Undeclared, "returned the figures longest, mean"),
    ("metric.figures", OutOfRange, r"mean is 61.75, not within 0.0 to 1.0"),
    ("metric.figures", NoFigures, "declares no figures"),
    ("metric.figures", Unsigned, "LookupError.* no version"),
    ("component.no-writes", Leaving, "It raised SystemExit: 0"),
    ("metric.deterministic", Moody, "it measures .*, then"),
    ("metric.empty-input", Dividing, "ZeroDivisionError"),
    ("metric.finite", Undefined, "mean is NaN or infinite"),
    ("metric.leaves-evidence", Sorting, "It changes the evidence's samples"),
    ("metric.leaves-evidence", Lowering, "It changes the evidence's token_losses"),
)
