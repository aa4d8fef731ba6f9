"""What the training curve shows: divergence, overfitting, undertraining, too little memory.

Each function returns its evidence in a sentence, or "" where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from textgen_core.formatting import Sentence

Rows = Sequence[Mapping[str, Any]]  # of metrics.jsonl

# Shares at which a figure becomes a finding; each finding states its evidence.
_PLATEAU = 0.01  # a validation loss this near the best gains next to nothing
_GROWING_GAP = 0.05  # of the validation loss
# Of the best validation loss: a last one this near to it is as good. On 10,000 tokens a difference
# between two checkpoints had a standard error of up to a thousandth, and the best one of ten is the
# luckiest; the rest is too little to call a run spoilt.
_RISEN = 0.005
_MEMORIZED = 0.6  # of the held-out loss; between texts of one kind it is rarely under 0.9
_STILL_FALLING = 0.03  # of the validation loss, in the last fifth of the training
# Times the lowest training loss before it, and nats above it, from one row to a later one.
_LEAP = (1.5, 0.5)


def pair_losses(rows: Rows) -> list[tuple[int, float, float]]:
    """Return each validation: step, mean training loss since the one before, validation loss."""
    pairs: list[tuple[int, float, float]] = []
    since: list[float] = []
    for row in rows:
        if _is_validation(row):
            if since:
                mean = sum(since) / len(since)
                pairs.append((int(row["step"]), mean, float(row["validation_loss"])))
            since = []
        elif row.get("loss") is not None:
            since.append(float(row["loss"]))
    return pairs


def validations(rows: Rows) -> list[tuple[int, float]]:
    """Return the step and the loss of each validation."""
    return [(row["step"], row["validation_loss"]) for row in rows if _is_validation(row)]


def find_divergence(rows: Rows, loss: float | None = None) -> str:
    """Find a loss that was not finite or leapt up.

    loss: of the held-out text, None where it was not measured.
    """
    if loss is not None and not math.isfinite(loss):
        return Sentence("The loss of the held-out text is {loss}.", loss=str(loss))
    lowest = math.inf
    for row in rows:
        if "loss" not in row:
            continue
        value, step = row["loss"], row["step"]
        if not _is_finite(value):
            return Sentence("The training loss at step {step} is not finite.", step=step)
        if value > max(_LEAP[0] * lowest, _LEAP[1] + lowest):
            return Sentence(
                "The training loss leapt to {loss:.3f} at step {step}; it had been down to "
                "{lowest:.3f}.",
                loss=value,
                step=step,
                lowest=lowest,
            )
        lowest = min(lowest, value)
    return ""


def find_overfitting(rows: Rows, loss: float | None = None) -> str:
    """Find a training loss that falls on after validation was best, or far below `loss`.

    A gap that grows up to a best validation at the end, or one as good, did no harm: no evidence.
    loss: of the held-out text, by which a run without validation is judged.
    """
    if not any(_is_validation(row) for row in rows):
        last = next((row["loss"] for row in reversed(rows) if _is_finite(row.get("loss"))), None)
        if loss is None or last is None or not last < _MEMORIZED * loss:
            return ""
        return Sentence(
            "The training loss is {last:.3f} at the end, that of the held-out text {loss:.3f}.",
            last=last,
            loss=loss,
        )
    return "" if ends_at_its_best(rows) else _find_growing_gap(rows, near=0.0)


def ends_at_its_best(rows: Rows) -> bool:
    """Return whether the last validation was the best one, or one as good but for chance."""
    losses = [loss for _, loss in validations(rows)]
    return bool(losses) and losses[-1] <= min(losses) * (1 + _RISEN)


def is_memorizing(rows: Rows, loss: float | None = None) -> bool:
    """Return whether training longer would hardly help: training gains, validation barely does.

    That is wider than overfitting: validation may still be at its best.
    """
    return bool(find_overfitting(rows, loss) or _find_growing_gap(rows, near=_PLATEAU))


def _find_growing_gap(rows: Rows, near: float) -> str:
    """Find a gap that grew since the first validation loss that was within `near` of the best."""
    losses = pair_losses(rows)
    if not losses:
        return ""
    best = min(validation for _, _, validation in losses)
    step, training, validation = next(pair for pair in losses if pair[2] <= best + near * abs(best))
    _, last_training, last_validation = losses[-1]
    growth = (last_validation - last_training) - (validation - training)
    if not growth > _GROWING_GAP * last_validation:
        return ""
    return Sentence(
        "Since step {step} the training loss went from {training:.3f} to {last_training:.3f}, the "
        "validation loss from {validation:.3f} to {last_validation:.3f}.",
        step=step,
        training=training,
        last_training=last_training,
        validation=validation,
        last_validation=last_validation,
    )


def find_undertraining(rows: Rows) -> str:
    """Find a validation loss that was still falling when training ended."""
    points = validations(rows)
    last_step, last = points[-1] if points else (0, 0.0)
    before = [pair for pair in points if pair[0] <= 0.8 * last_step]
    if not before or not before[-1][1] - last > _STILL_FALLING * last:
        return ""
    step, loss = before[-1]
    return Sentence(
        "The validation loss was still falling at the end: from {loss:.3f} at step {step} to "
        "{last:.3f} at step {last_step}.",
        loss=loss,
        step=step,
        last=last,
        last_step=last_step,
    )


def find_short_memory(rows: Rows) -> str:
    """Find batches that did not fit into memory and were computed as micro-batches."""
    row = next((row for row in rows if (row.get("micro_batches") or 1) > 1), None)
    if row is None:
        return ""
    return Sentence(
        "A batch did not fit into memory: by step {step} it was computed in {parts} micro-batches.",
        step=row["step"],
        parts=row["micro_batches"],
    )


def _is_validation(row: Mapping[str, Any]) -> bool:
    return row.get("validation_loss") is not None


def _is_finite(value: Any) -> bool:
    """Return whether a figure is a number; JSON has null where it was none."""
    return value is not None and math.isfinite(value)
