"""What the training curve shows: divergence, overfitting, undertraining, too little memory."""

from __future__ import annotations

from textgen_core.evaluation.finding import (
    EPOCHS,
    LONGER,
    Finding,
    Rows,
    is_finite,
    is_validation,
    pair_losses,
)

# Shares at which a figure becomes a finding; each finding states its evidence.
_PLATEAU = 0.01  # a validation loss this near the best no longer gains
_GROWING_GAP = 0.05  # of the validation loss
_MEMORIZED = 0.6  # of the held-out loss; between texts of one kind it is rarely under 0.9
_STILL_FALLING = 0.03  # of the validation loss, in the last fifth of the training
# Times the lowest training loss before it, and nats above it, from one row to a later one.
_LEAP = (1.5, 0.5)


def find_divergence(rows: Rows, loss: float | None = None) -> Finding | None:
    """Find a loss that was not finite or leapt up.

    loss: of the held-out text, None where it was not measured.
    """
    evidence = _divergence(rows)
    if loss is not None and not is_finite(loss):
        evidence = f"The loss of the held-out text is {loss}."
    if not evidence:
        return None
    return Finding(
        trouble="divergence",
        evidence=evidence,
        advice="Lower the learning rate (training.learning_rate), let it rise slowly "
        "(training.warm_up), or clip the gradient (training.clip_norm).",
        setting="training.learning_rate",
    )


def _divergence(rows: Rows) -> str:
    lowest = None
    for row in rows:
        if "loss" not in row:
            continue
        loss = row["loss"]
        if not is_finite(loss):
            return f"The training loss at step {row['step']} is not finite."
        if lowest is not None and loss > max(_LEAP[0] * lowest, _LEAP[1] + lowest):
            return (
                f"The training loss leapt to {loss:.3f} at step {row['step']}; it had been down to "
                f"{lowest:.3f}."
            )
        lowest = loss if lowest is None else min(lowest, loss)
    return ""


def find_overfitting(rows: Rows, loss: float | None = None) -> Finding | None:
    """Find a training loss that falls while validation stands still, or far below `loss`.

    loss: of the held-out text, by which a run without validation is judged.
    """
    evidence = _growing_gap(rows) or _gap_to(rows, loss)
    if not evidence:
        return None
    return Finding(
        trouble="overfitting",
        evidence=evidence,
        advice="Give it more text (corpus.files), raise the model's dropout, choose a smaller "
        "model, or stop earlier (training.patience, training.epochs).",
        setting="model.dropout",
    )


def _growing_gap(rows: Rows) -> str:
    losses = pair_losses(rows)
    if len(losses) < 2:
        return ""
    best = min(validation for _, _, validation in losses)
    step, training, validation = next(
        pair for pair in losses if pair[2] <= best + _PLATEAU * abs(best)
    )
    _, last_training, last_validation = losses[-1]
    growth = (last_validation - last_training) - (validation - training)
    if not growth > _GROWING_GAP * last_validation:
        return ""
    return (
        f"Since step {step} the training loss went from {training:.3f} to {last_training:.3f}, "
        f"the validation loss from {validation:.3f} to {last_validation:.3f}."
    )


def _gap_to(rows: Rows, loss: float | None) -> str:
    if loss is None or any(is_validation(row) for row in rows):
        return ""  # then the best weights are in use, and not the last
    last = next((row["loss"] for row in reversed(rows) if is_finite(row.get("loss"))), None)
    if last is None or not last < _MEMORIZED * loss:
        return ""
    return f"The training loss is {last:.3f} at the end, that of the held-out text {loss:.3f}."


def find_undertraining(rows: Rows) -> Finding | None:
    """Find a validation loss that was still falling when training ended."""
    validations = [(row["step"], row["validation_loss"]) for row in rows if is_validation(row)]
    if len(validations) < 2:
        return None
    last_step, last = validations[-1]
    before = [pair for pair in validations if pair[0] <= 0.8 * last_step]
    if not before or not before[-1][1] - last > _STILL_FALLING * last:
        return None
    step, loss = before[-1]
    return Finding(
        trouble="undertraining",
        evidence=f"The validation loss was still falling at the end: from {loss:.3f} at step "
        f"{step} to {last:.3f} at step {last_step}.",
        advice=f"{LONGER}.",
        setting=EPOCHS,
    )


def find_short_memory(rows: Rows) -> Finding | None:
    """Find batches that did not fit into memory and were computed as micro-batches."""
    row = next((row for row in rows if (row.get("micro_batches") or 1) > 1), None)
    if row is None:
        return None
    return Finding(
        trouble="out of memory",
        evidence=f"A batch did not fit into memory: by step {row['step']} it was computed in "
        f"{row['micro_batches']} micro-batches.",
        advice="Choose a smaller training.batch_size with training.accumulate, a shorter "
        "data.sequence_length, or training.recompute=true.",
        setting="training.batch_size",
    )
