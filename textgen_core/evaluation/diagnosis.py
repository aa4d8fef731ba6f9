"""Says what went wrong in a run, from its figures alone, and which setting to change.

A finding is a hint; what looks well gives none.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from textgen_core.evaluation.finding import EPOCHS, LONGER, Finding, Rows
from textgen_core.evaluation.loops import RepeatedPhrase
from textgen_core.evaluation.training_curve import (
    find_divergence,
    find_overfitting,
    find_short_memory,
    find_undertraining,
)

# Shares at which a figure becomes a finding; each finding states its evidence.
_NEAR_UNIGRAM = 0.9  # of the unigram loss
_REPEATED = 0.2  # of a sample's four-grams; people's text stays under a twentieth
_UNKNOWN = 0.01  # of the tokens
_OVERLAP = (2.0, 0.1)  # times what held-out text shares with the training text, and that much more
_OVERLAP_CHARACTERS = (3.0, 30)  # the same, of the mean longest overlap in characters
_DRIFT = 1.25  # times the loss at the beginning of a long text

_SHOWN_PHRASE = 40  # characters of a loop


@attrs.frozen(kw_only=True)
class VerbatimOverlap:
    """What the samples share with the training text, and what held-out text shares with it.

    eights: the share of eight-grams; longest: the mean longest overlap in characters.
    """

    eights: float | None = None
    eights_held_out: float | None = None
    longest: float | None = None
    longest_held_out: float | None = None


@attrs.frozen(kw_only=True)
class Symptoms:
    """The figures that a diagnosis rests on; None or empty where something was not measured.

    loss, unigram_loss and ngram_loss: nats per token of the held-out split. rows: those of
    metrics.jsonl. repetition: the share of four-grams that a sample wrote before. over_length:
    tokens and loss of a long sample's spans, in order. longer: the setting that gives the length
    of training, and that a finding names which suggests to train longer.
    """

    tokens: int
    unknown_tokens: int
    loss: float
    bits_per_byte: float
    unigram_loss: float | None = None
    ngram_loss: float | None = None
    xz_bits_per_byte: float | None = None
    repetition: float | None = None
    overlap: VerbatimOverlap = VerbatimOverlap()
    loops: Sequence[RepeatedPhrase] = ()
    over_length: Sequence[tuple[int, float]] = ()
    rows: Rows = ()
    longer: str = EPOCHS


def diagnose(symptoms: Symptoms) -> tuple[Finding, ...]:
    """Return the findings, the weightiest first."""
    scored = symptoms.loss if symptoms.tokens else None
    overfitting = find_overfitting(symptoms.rows, scored)
    weak = (
        find_weakness(symptoms.loss, symptoms.unigram_loss),
        find_worse_than_ngram(symptoms.loss, symptoms.ngram_loss),
        find_worse_than_xz(symptoms.bits_per_byte, symptoms.xz_bits_per_byte),
    )
    findings = (
        find_divergence(symptoms.rows, scored),
        *(_not_by_training(finding, overfitting) for finding in weak),
        overfitting,
        find_memorization(symptoms.overlap),
        find_undertraining(symptoms.rows),
        find_unknown_tokens(symptoms.tokens, symptoms.unknown_tokens),
        find_repetition(symptoms.repetition, symptoms.loops),
        find_incoherence(symptoms.over_length),
        find_short_memory(symptoms.rows),
    )
    return tuple(
        attrs.evolve(each, setting=symptoms.longer) if each.advice.startswith(LONGER) else each
        for each in findings
        if each is not None
    )


def _not_by_training(finding: Finding | None, overfitting: Finding | None) -> Finding | None:
    """Return a finding with the suggestion against overfitting where that is the cause."""
    if finding is None or overfitting is None or finding.trouble == "undertraining":
        return finding
    return attrs.evolve(finding, advice=overfitting.advice, setting=overfitting.setting)


def find_weakness(loss: float, unigram_loss: float | None) -> Finding | None:
    """Find a model that knows little more than how often each token occurs."""
    if unigram_loss is None or not loss > _NEAR_UNIGRAM * unigram_loss:
        return None
    worse = loss >= unigram_loss
    return Finding(
        trouble="worse than counting tokens" if worse else "undertraining",
        evidence=f"The loss is {loss:.3f}; counting how often each token occurs gives "
        f"{unigram_loss:.3f}.",
        advice=f"{LONGER}, or try another training.learning_rate.",
        setting=EPOCHS,
    )


def find_worse_than_ngram(loss: float, ngram_loss: float | None) -> Finding | None:
    """Find a model that predicts the text no better than counted phrases of a few tokens."""
    if ngram_loss is None or not loss >= ngram_loss:
        return None
    return Finding(
        trouble="worse than n-grams",
        evidence=f"The loss is {loss:.3f}; an n-gram model of the same text has {ngram_loss:.3f}, "
        "without looking further back than a few tokens.",
        advice=f"{LONGER}, or choose a larger model (--model) if the training loss has settled.",
        setting=EPOCHS,
    )


def find_worse_than_xz(bits_per_byte: float, xz: float | None) -> Finding | None:
    """Find a model that predicts the text no better than a compressor, in bits per byte."""
    if xz is None or not bits_per_byte >= xz:
        return None
    return Finding(
        trouble="worse than xz",
        evidence=f"The model needs {bits_per_byte:.3f} bits for a byte; xz, which copies phrases "
        f"from the training text, {xz:.3f}.",
        advice=f"{LONGER}. If the held-out text repeats the training text, let the model see "
        "further back (data.sequence_length).",
        setting=EPOCHS,
    )


def find_memorization(overlap: VerbatimOverlap) -> Finding | None:
    """Find samples that share far more with the training text than held-out text does."""
    if _far_above(overlap.eights, overlap.eights_held_out, *_OVERLAP):
        evidence = (
            f"{100 * (overlap.eights or 0):.0f} % of the samples' 8-grams occur in the training "
            f"text; of those of held-out text {100 * (overlap.eights_held_out or 0):.0f} % do."
        )
    elif _far_above(overlap.longest, overlap.longest_held_out, *_OVERLAP_CHARACTERS):
        evidence = (
            f"A sample has {overlap.longest:.0f} characters in a row from the training text on "
            f"average, held-out text {overlap.longest_held_out:.0f}."
        )
    else:
        return None
    return Finding(
        trouble="copying",
        evidence=evidence,
        advice="Stop earlier (training.epochs, training.patience), give it more text "
        "(corpus.files), raise the model's dropout, or choose a smaller model.",
        setting=EPOCHS,
    )


def _far_above(value: float | None, usual: float | None, times: float, more: float) -> bool:
    return value is not None and usual is not None and value > times * usual + more


def find_unknown_tokens(tokens: int, unknown_tokens: int) -> Finding | None:
    """Find a tokenizer to which much of the held-out text is unknown."""
    if not tokens or unknown_tokens <= _UNKNOWN * tokens:
        return None
    return Finding(
        trouble="many unknown tokens",
        evidence=f"{unknown_tokens} of {tokens} held-out tokens "
        f"({100 * unknown_tokens / tokens:.1f} %) are unknown to the tokenizer.",
        advice="Raise the tokenizer's vocabulary_size, or choose one that is lossless "
        "(--tokenizer).",
        setting="tokenizer.vocabulary_size",
    )


def find_repetition(
    repetition: float | None, loops: Sequence[RepeatedPhrase] = ()
) -> Finding | None:
    """Find samples that repeat themselves, or are caught in a loop."""
    if repetition is not None and repetition > _REPEATED:
        evidence = f"{100 * repetition:.0f} % of a sample's four-word phrases occurred in it before"
    elif loops:
        evidence = "A sample is caught in a loop"
    else:
        return None
    if loops:
        evidence += f"; {_shown(loops[0].text)} occurs {loops[0].times} times in a row"
    return Finding(
        trouble="repetition",
        evidence=f"{evidence}.",
        advice="Draw more freely (a higher temperature or p of the sampler), or add a sampler "
        f"against repetition (--sampler). {LONGER} if the loss still falls.",
        setting="sampler",
    )


def _shown(phrase: str) -> str:
    """Return a phrase in quotes, cut; white space alone by name."""
    words = " ".join(phrase.split())
    if len(words) > _SHOWN_PHRASE:
        words = words[: _SHOWN_PHRASE - 1] + "…"
    return f"“{words}”" if words else "white space"


def find_incoherence(over_length: Sequence[tuple[int, float]]) -> Finding | None:
    """Find a long sample that surprises the model itself more and more."""
    if len(over_length) < 4:
        return None
    quarter = len(over_length) // 4
    first = sum(loss for _, loss in over_length[:quarter]) / quarter
    last = sum(loss for _, loss in over_length[-quarter:]) / quarter
    if not last > _DRIFT * first:
        return None
    return Finding(
        trouble="incoherence",
        evidence=f"In a sample of {over_length[-1][0]} tokens the model's own loss rises from "
        f"{first:.3f} at the beginning to {last:.3f} at the end.",
        advice="Let the model see further back (data.sequence_length), draw less freely (a lower "
        "temperature or p), or train longer.",
        setting="data.sequence_length",
    )
