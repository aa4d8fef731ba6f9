"""Says what went wrong in a run, from its figures alone, and which setting to change.

Pure functions on plain numbers. This module knows nothing about models, files or plugins; a
finding is a hint, and what looks well gives none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

# Shares at which a figure becomes a finding; each finding states its evidence.
_PLATEAU = 0.01  # a validation loss this near the best no longer gains
_GROWING_GAP = 0.05  # of the validation loss
_STILL_FALLING = 0.03  # of the validation loss, in the last fifth of the training
_NEAR_UNIGRAM = 0.9  # of the unigram loss
_REPEATED = 0.2  # of a sample's four-grams; people's text stays under a twentieth
_UNKNOWN = 0.01  # of the tokens

_LONGER = "Train longer (training.epochs or training.minutes)"

Rows = Sequence[Mapping[str, Any]]  # of metrics.jsonl


@attrs.frozen(kw_only=True)
class Finding:
    """A trouble, the figures that show it, and the setting that may help."""

    trouble: str
    evidence: str
    advice: str


@attrs.frozen(kw_only=True)
class Symptoms:
    """The figures that a diagnosis rests on; None or empty where something was not measured.

    loss and unigram_loss: nats per token of the held-out split. rows: those of metrics.jsonl.
    repetition: the share of four-grams that a sample wrote before.
    """

    tokens: int
    unknown_tokens: int
    loss: float
    bits_per_byte: float
    unigram_loss: float | None = None
    xz_bits_per_byte: float | None = None
    repetition: float | None = None
    rows: Rows = ()


def diagnose(symptoms: Symptoms) -> tuple[Finding, ...]:
    """Return the findings, the weightiest first."""
    findings = (
        find_weakness(symptoms.loss, symptoms.unigram_loss),
        find_worse_than_xz(symptoms.bits_per_byte, symptoms.xz_bits_per_byte),
        find_overfitting(symptoms.rows),
        find_undertraining(symptoms.rows),
        find_unknown_tokens(symptoms.tokens, symptoms.unknown_tokens),
        find_repetition(symptoms.repetition),
    )
    return tuple(finding for finding in findings if finding is not None)


def find_weakness(loss: float, unigram_loss: float | None) -> Finding | None:
    """Find a model that knows little more than how often each token occurs."""
    if unigram_loss is None or not loss > _NEAR_UNIGRAM * unigram_loss:
        return None
    worse = loss >= unigram_loss
    return Finding(
        trouble="worse than counting tokens" if worse else "undertraining",
        evidence=f"The loss is {loss:.3f}; counting how often each token occurs gives "
        f"{unigram_loss:.3f}.",
        advice=f"{_LONGER}, or try another training.learning_rate.",
    )


def find_worse_than_xz(bits_per_byte: float, xz_bits_per_byte: float | None) -> Finding | None:
    """Find a model that predicts the text no better than a compressor."""
    if xz_bits_per_byte is None or not bits_per_byte >= xz_bits_per_byte:
        return None
    return Finding(
        trouble="worse than xz",
        evidence=f"The model needs {bits_per_byte:.3f} bits for a byte; xz, which copies phrases "
        f"from the training text, {xz_bits_per_byte:.3f}.",
        advice=f"{_LONGER}. If the held-out text repeats the training text, let the model see "
        "further back (data.sequence_length).",
    )


def find_overfitting(rows: Rows) -> Finding | None:
    """Find a gap that grows: validation no longer gains while the training loss goes on falling."""
    losses = pair_losses(rows)
    if len(losses) < 2:
        return None
    best = min(validation for _, _, validation in losses)
    step, training, validation = next(
        pair for pair in losses if pair[2] <= best + _PLATEAU * abs(best)
    )
    _, last_training, last_validation = losses[-1]
    growth = (last_validation - last_training) - (validation - training)
    if not growth > _GROWING_GAP * last_validation:
        return None
    return Finding(
        trouble="overfitting",
        evidence=f"Since step {step} the training loss went from {training:.3f} to "
        f"{last_training:.3f}, the validation loss from {validation:.3f} to {last_validation:.3f}.",
        advice="Give it more text (corpus.files), raise the model's dropout, choose a smaller "
        "model, or stop earlier (training.patience, training.epochs).",
    )


def find_undertraining(rows: Rows) -> Finding | None:
    """Find a validation loss that was still falling when training ended."""
    validations = [(row["step"], row["validation_loss"]) for row in rows if _is_validation(row)]
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
        advice=f"{_LONGER}.",
    )


def find_unknown_tokens(tokens: int, unknown_tokens: int) -> Finding | None:
    """Find a tokenizer that does not know much of the held-out text."""
    if not tokens or unknown_tokens <= _UNKNOWN * tokens:
        return None
    return Finding(
        trouble="many unknown tokens",
        evidence=f"{unknown_tokens} of {tokens} held-out tokens "
        f"({100 * unknown_tokens / tokens:.1f} %) are unknown to the tokenizer.",
        advice="Raise the tokenizer's vocabulary_size, or choose one that is lossless "
        "(--tokenizer).",
    )


def find_repetition(repetition: float | None) -> Finding | None:
    """Find samples that repeat themselves."""
    if repetition is None or not repetition > _REPEATED:
        return None
    return Finding(
        trouble="repetition",
        evidence=f"{100 * repetition:.0f} % of a sample's four-word phrases occurred in it before.",
        advice="Draw more freely (a higher temperature or p of the sampler), or add a sampler "
        f"against repetition (--sampler). {_LONGER} if the loss still falls.",
    )


def pair_losses(rows: Rows) -> list[tuple[int, float, float]]:
    """Return step, mean training loss since the validation before, and validation loss, of each."""
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


def _is_validation(row: Mapping[str, Any]) -> bool:
    return row.get("validation_loss") is not None
