"""Says what went wrong in a run, from its figures alone, and which setting to change.

A finding is a hint; what looks well gives none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from textgen_core.evaluation.findings import Finding, make_finding
from textgen_core.evaluation.loops import RepeatedPhrase
from textgen_core.evaluation.training_curve import (
    Rows,
    find_divergence,
    find_overfitting,
    find_short_memory,
    find_undertraining,
    is_memorizing,
)
from textgen_core.formatting import Sentence

# Shares at which a figure becomes a finding; each finding states its evidence.
NEAR_UNIGRAM = 0.9  # of the unigram loss
REPEATED = 0.2  # of a sample's four-grams; people's text stays under a twentieth
_UNKNOWN = 0.01  # of the tokens
_EMPTY = 0.1  # of the samples
_OVERLAP = (2.0, 0.1)  # times what held-out text shares with the training text, and that much more
_OVERLAP_CHARACTERS = (3.0, 30)  # the same, of the mean longest overlap in characters
_DRIFT = 1.25  # times the loss at the beginning of a long text

_SHOWN_PHRASE = 40  # characters of a loop

_OF_ANOTHER_TEXT = ("trained on this text", "another kind of text")
# What is no trouble of the model, where the text is one of those.
_OF_ITS_OWN_TEXT = ("overfitting", "undertraining", "many unknown tokens")


@attrs.frozen(kw_only=True)
class Symptoms:
    """The figures that a diagnosis rests on; None or empty where something was not measured.

    loss, and that of the baselines and of the counts alone: nats per token of the held-out split.
    samples: those that metrics measured, of which empty_samples hold nothing but white space.
    repetition: the share of four-grams that a sample wrote before. real_words: the share of the
    samples' words that occur in the training text; copied_fours, copied_eights: that of their four-
    and eight-grams; longest_copied: the mean of their longest overlaps with it in characters; each
    of the last three beside that of held-out text. over_length: tokens and loss of a long sample's
    spans, in order. rows: those of metrics.jsonl. longer: the setting that gives the length of
    training, and that a finding names which suggests to train longer. seen, other_kind: why a text
    that is not the run's own says little of the model.
    """

    tokens: int
    unknown_tokens: int
    loss: float
    bits_per_byte: float
    uniform_loss: float | None = None
    unigram_loss: float | None = None
    ngram_loss: float | None = None
    xz_bits_per_byte: float | None = None
    counts_loss: float | None = None
    samples: int = 0
    empty_samples: int = 0
    repetition: float | None = None
    real_words: float | None = None
    copied_fours: tuple[float | None, float | None] = (None, None)
    copied_eights: tuple[float | None, float | None] = (None, None)
    longest_copied: tuple[float | None, float | None] = (None, None)
    loops: Sequence[RepeatedPhrase] = ()
    over_length: Sequence[tuple[int, float]] = ()
    rows: Rows = ()
    longer: str = "training.epochs"
    seen: str = ""
    other_kind: str = ""


def diagnose(symptoms: Symptoms) -> tuple[Finding, ...]:
    """Return the findings, the weightiest first."""
    rows, scored = symptoms.rows, symptoms.loss if symptoms.tokens else None
    evidence = {
        "trained on this text": symptoms.seen,
        "another kind of text": "" if symptoms.seen else symptoms.other_kind,
        "divergence": find_divergence(rows, scored),
        "overfitting": find_overfitting(rows, scored),
        "copying": find_memorization(symptoms.copied_eights, symptoms.longest_copied),
        "undertraining": find_undertraining(rows),
        "many unknown tokens": find_unknown_tokens(symptoms.tokens, symptoms.unknown_tokens),
        "empty samples": find_empty(symptoms.samples, symptoms.empty_samples),
        "repetition": find_repetition(symptoms.repetition, symptoms.loops),
        "incoherence": find_incoherence(symptoms.over_length),
        "out of memory": find_short_memory(rows),
    }
    doubtful = any(evidence[trouble] for trouble in _OF_ANOTHER_TEXT)
    if doubtful:
        evidence.update(dict.fromkeys(_OF_ITS_OWN_TEXT, ""))
    found = [(trouble, words, trouble) for trouble, words in evidence.items() if words]
    if not doubtful:
        after = 1 if evidence["divergence"] else 0
        found[after:after] = _find_weakness(symptoms, is_memorizing(rows, scored))
    return tuple(
        make_finding(trouble, words, cure, symptoms.longer) for trouble, words, cure in found
    )


def _find_weakness(symptoms: Symptoms, memorizes: bool) -> Iterator[tuple[str, str, str]]:
    """Find a model that predicts no better than counting or compressing does, or little better.

    Yields the issue, its evidence, and the issue whose advice helps: to a model that memorizes its
    text more training would not help.
    """
    loss, unigram, ngram = symptoms.loss, symptoms.unigram_loss, symptoms.ngram_loss
    bits, xz = symptoms.bits_per_byte, symptoms.xz_bits_per_byte

    def weak(trouble: str) -> tuple[str, str]:
        return trouble, "overfitting" if memorizes else trouble

    if unigram is not None and loss > NEAR_UNIGRAM * unigram:
        evidence = Sentence(
            "The loss is {loss:.3f}; counting how often each token occurs gives {unigram:.3f}.",
            loss=loss,
            unigram=unigram,
        )
        trouble, cure = weak("worse than counting tokens")
        if loss < unigram:
            trouble, cure = "undertraining", "worse than counting tokens"
        yield trouble, evidence, cure
    if ngram is not None and loss >= ngram:
        evidence = Sentence(
            "The loss is {loss:.3f}; an n-gram model of the same text has {ngram:.3f}, without "
            "looking further back than a few tokens.",
            loss=loss,
            ngram=ngram,
        )
        trouble, cure = weak("worse than n-grams")
        yield trouble, evidence, cure
    if xz is not None and bits >= xz:
        evidence = Sentence(
            "The model needs {bits:.3f} bits for a byte; xz, which copies phrases from the "
            "training text, {xz:.3f}.",
            bits=bits,
            xz=xz,
        )
        trouble, cure = weak("worse than xz")
        yield trouble, evidence, cure


def find_memorization(
    eights: tuple[float | None, float | None], longest: tuple[float | None, float | None]
) -> str:
    """Find samples that share far more with the training text than held-out text does."""
    if _far_above(*eights, *_OVERLAP):
        own, usual = (100 * (share or 0) for share in eights)
        return Sentence(
            "{own:.0f} % of the samples' 8-grams occur in the training text; of those of held-out "
            "text {usual:.0f} % do.",
            own=own,
            usual=usual,
        )
    if _far_above(*longest, *_OVERLAP_CHARACTERS):
        return Sentence(
            "A sample has {own:.0f} characters in a row from the training text on average, "
            "held-out text {usual:.0f}.",
            own=longest[0],
            usual=longest[1],
        )
    return ""


def _far_above(value: float | None, usual: float | None, times: float, more: float) -> bool:
    return value is not None and usual is not None and value > times * usual + more


def find_unknown_tokens(tokens: int, unknown_tokens: int) -> str:
    """Find a tokenizer to which much of the held-out text is unknown."""
    if unknown_tokens <= _UNKNOWN * tokens:
        return ""
    return Sentence(
        "{unknown} of {tokens} held-out tokens ({percent:.1f} %) are unknown to the tokenizer.",
        unknown=unknown_tokens,
        tokens=tokens,
        percent=100 * unknown_tokens / tokens,
    )


def find_empty(samples: int, empty: int) -> str:
    """Find a model that often ends a text at once."""
    if empty <= _EMPTY * samples:
        return ""
    return Sentence(
        "{empty} of {samples} continuations hold no word: diversity, repetition and self-BLEU are "
        "of the others alone, and each empty one lowers BLEU.",
        empty=empty,
        samples=samples,
    )


_REPETITION = {  # by whether much is repeated, and what the longest loop says again
    (True, ""): "{percent:.0f} % of a sample's four-word phrases occurred in it before.",
    (True, "phrase"): "{percent:.0f} % of a sample's four-word phrases occurred in it before; "
    "“{phrase}” occurs {times} times in a row.",
    (True, "space"): "{percent:.0f} % of a sample's four-word phrases occurred in it before; "
    "white space occurs {times} times in a row.",
    (False, "phrase"): "A sample is caught in a loop; “{phrase}” occurs {times} times in a row.",
    (False, "space"): "A sample is caught in a loop; white space occurs {times} times in a row.",
}


def find_repetition(repetition: float | None, loops: Sequence[RepeatedPhrase] = ()) -> str:
    """Find samples that repeat themselves, or are caught in a loop."""
    often = repetition is not None and repetition > REPEATED
    if not often and not loops:
        return ""
    phrase = " ".join(loops[0].text.split()) if loops else ""
    if len(phrase) > _SHOWN_PHRASE:
        phrase = phrase[: _SHOWN_PHRASE - 1] + "…"
    text = _REPETITION[often, ("phrase" if phrase else "space") if loops else ""]
    values = {
        "percent": 100 * (repetition or 0),
        "phrase": phrase,
        "times": loops[0].times if loops else 0,
    }
    return Sentence(text, **values)


def find_incoherence(over_length: Sequence[tuple[int, float]]) -> str:
    """Find a long sample that surprises the model itself more and more."""
    if len(over_length) < 4:
        return ""
    quarter = len(over_length) // 4
    first = sum(loss for _, loss in over_length[:quarter]) / quarter
    last = sum(loss for _, loss in over_length[-quarter:]) / quarter
    if not last > _DRIFT * first:
        return ""
    return Sentence(
        "In a sample of {tokens} tokens the model's own loss rises from {first:.3f} at the "
        "beginning to {last:.3f} at the end.",
        tokens=over_length[-1][0],
        first=first,
        last=last,
    )
