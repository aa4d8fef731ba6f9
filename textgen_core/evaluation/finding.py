"""A finding of the diagnosis, and the rows of metrics.jsonl that some are read from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

Rows = Sequence[Mapping[str, Any]]  # of metrics.jsonl

LONGER = "Train longer (training.epochs or training.minutes)"
EPOCHS = "training.epochs"


@attrs.frozen(kw_only=True)
class Finding:
    """An issue, the evidence for it, a suggestion, and the setting to change.

    The fields are keys of evaluation.json. setting: as `--set` takes it, such as `training.epochs`,
    or the name of a flag's component, such as `sampler`; empty where no setting helps.
    """

    trouble: str
    evidence: str
    advice: str
    setting: str = ""


def pair_losses(rows: Rows) -> list[tuple[int, float, float]]:
    """Return each validation: step, mean training loss since the one before, validation loss."""
    pairs: list[tuple[int, float, float]] = []
    since: list[float] = []
    for row in rows:
        if is_validation(row):
            if since:
                mean = sum(since) / len(since)
                pairs.append((int(row["step"]), mean, float(row["validation_loss"])))
            since = []
        elif row.get("loss") is not None:
            since.append(float(row["loss"]))
    return pairs


def is_validation(row: Mapping[str, Any]) -> bool:
    """Return whether a row is that of a validation."""
    return row.get("validation_loss") is not None


def is_finite(value: Any) -> bool:
    """Return whether a figure is a number; JSON has null where it was none."""
    return value is not None and math.isfinite(value)
