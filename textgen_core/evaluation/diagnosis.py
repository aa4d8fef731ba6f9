"""Says what went wrong in a run, from its figures alone, and which setting to change.

A finding is a hint; what looks well gives none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from textgen_core.evaluation.loops import RepeatedPhrase
from textgen_core.evaluation.training_curve import (
    Rows,
    find_divergence,
    find_overfitting,
    find_short_memory,
    find_undertraining,
    is_memorizing,
)

# Shares at which a figure becomes a finding; each finding states its evidence.
_NEAR_UNIGRAM = 0.9  # of the unigram loss
_REPEATED = 0.2  # of a sample's four-grams; people's text stays under a twentieth
_UNKNOWN = 0.01  # of the tokens
_EMPTY = 0.1  # of the samples
_OVERLAP = (2.0, 0.1)  # times what held-out text shares with the training text, and that much more
_OVERLAP_CHARACTERS = (3.0, 30)  # the same, of the mean longest overlap in characters
_DRIFT = 1.25  # times the loss at the beginning of a long text

_SHOWN_PHRASE = 40  # characters of a loop

_LONGER = "Train longer ({longer})"

# What to do about an issue, and the setting to change; "" for the one that says how long to train.
# A run of minutes does not stop early, and is not advised to.
_OF_ANOTHER_TEXT = ("trained on this text", "another kind of text")
# What is no trouble of the model, where the text is one of those.
_OF_ITS_OWN_TEXT = ("overfitting", "undertraining", "many unknown tokens")

_ADVICE = {
    "trained on this text": (
        "Score a text that was kept from training, such as the run's own: textgen evaluate RUN",
        "corpus.test",
    ),
    "another kind of text": (
        "Training longer would not change that: train on text like it (corpus.files), or score "
        "text like the training text.",
        "corpus.files",
    ),
    "worse than counting tokens": (f"{_LONGER}, or try another training.learning_rate.", ""),
    "worse than n-grams": (
        f"{_LONGER}, or choose a larger model (--model) if the training loss has settled.",
        "",
    ),
    "worse than xz": (
        f"{_LONGER}. If the held-out text repeats the training text, let the model see further "
        "back (data.sequence_length).",
        "",
    ),
    "divergence": (
        "Lower the learning rate (training.learning_rate), let it rise slowly (training.warm_up), "
        "or clip the gradient (training.clip_norm).",
        "training.learning_rate",
    ),
    "overfitting": (
        "Give it more text (corpus.files), raise the model's dropout, choose a smaller model, or "
        "stop earlier ({earlier}).",
        "model.dropout",
    ),
    "copying": (
        "Stop earlier ({earlier}), give it more text (corpus.files), raise the model's dropout, or "
        "choose a smaller model.",
        "",
    ),
    "undertraining": (f"{_LONGER}.", ""),
    "many unknown tokens": (
        "Raise the tokenizer's vocabulary_size, or choose one that is lossless (--tokenizer).",
        "tokenizer.vocabulary_size",
    ),
    "empty samples": (
        "If the model ends a text where it should begin one, say what a document of the corpus is "
        "(corpus.documents) and start samples where documents start (generation.prompt).",
        "corpus.documents",
    ),
    "repetition": (
        "Draw more freely (a higher temperature or p of the sampler), or add a sampler against "
        f"repetition (--sampler). {_LONGER} if the loss still falls.",
        "sampler",
    ),
    "incoherence": (
        "Let the model see further back (data.sequence_length), draw less freely (a lower "
        "temperature or p), or train longer.",
        "data.sequence_length",
    ),
    "out of memory": (
        "Choose a smaller training.batch_size with training.accumulate, a shorter "
        "data.sequence_length, or training.recompute=true.",
        "training.batch_size",
    ),
}


@attrs.frozen
class Finding:
    """An issue, the evidence for it, a suggestion, and the setting to change.

    The fields are keys of evaluation.json. setting: as `--set` takes it, such as `training.epochs`,
    or the name of a flag's component, such as `sampler`; empty where no setting helps.
    """

    trouble: str
    evidence: str
    advice: str
    setting: str = ""


@attrs.frozen(kw_only=True)
class Symptoms:
    """The figures that a diagnosis rests on; None or empty where something was not measured.

    loss, unigram_loss and ngram_loss: nats per token of the held-out split. samples: those that
    metrics measured, of which empty_samples hold nothing but white space. repetition: the share
    of four-grams that a sample wrote before. copied_eights: the share of the samples' eight-grams
    that occur in the training text; longest_copied: the mean of their longest overlaps with it in
    characters; each beside that of held-out text. over_length: tokens and loss of a long sample's
    spans, in order. rows: those of metrics.jsonl. longer: the setting that gives the length of
    training, and that a finding names which suggests to train longer. seen, other_kind: why a text
    that is not the run's own says little of the model.
    """

    tokens: int
    unknown_tokens: int
    loss: float
    bits_per_byte: float
    unigram_loss: float | None = None
    ngram_loss: float | None = None
    xz_bits_per_byte: float | None = None
    samples: int = 0
    empty_samples: int = 0
    repetition: float | None = None
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
    found = [
        Finding(trouble, words, *_ADVICE[trouble]) for trouble, words in evidence.items() if words
    ]
    if not doubtful:
        after = 1 if evidence["divergence"] else 0
        found[after:after] = _find_weakness(symptoms, is_memorizing(rows, scored))
    longer = symptoms.longer
    earlier = f"training.patience, {longer}" if longer == "training.epochs" else longer
    return tuple(
        attrs.evolve(
            each,
            advice=each.advice.format(longer=longer, earlier=earlier),
            setting=each.setting or longer,
        )
        for each in found
    )


def _find_weakness(symptoms: Symptoms, memorizes: bool) -> Iterator[Finding]:
    """Find a model that predicts no better than counting or compressing does, or little better.

    To a model that memorizes its text more training would not help.
    """
    loss, unigram, ngram = symptoms.loss, symptoms.unigram_loss, symptoms.ngram_loss
    bits, xz = symptoms.bits_per_byte, symptoms.xz_bits_per_byte
    if unigram is not None and loss > _NEAR_UNIGRAM * unigram:
        evidence = (
            f"The loss is {loss:.3f}; counting how often each token occurs gives {unigram:.3f}."
        )
        if loss < unigram:
            yield Finding("undertraining", evidence, *_ADVICE["worse than counting tokens"])
        else:
            yield _weak("worse than counting tokens", evidence, memorizes)
    if ngram is not None and loss >= ngram:
        evidence = (
            f"The loss is {loss:.3f}; an n-gram model of the same text has {ngram:.3f}, without "
            "looking further back than a few tokens."
        )
        yield _weak("worse than n-grams", evidence, memorizes)
    if xz is not None and bits >= xz:
        evidence = (
            f"The model needs {bits:.3f} bits for a byte; xz, which copies phrases from the "
            f"training text, {xz:.3f}."
        )
        yield _weak("worse than xz", evidence, memorizes)


def _weak(trouble: str, evidence: str, memorizes: bool) -> Finding:
    return Finding(trouble, evidence, *_ADVICE["overfitting" if memorizes else trouble])


def find_memorization(
    eights: tuple[float | None, float | None], longest: tuple[float | None, float | None]
) -> str:
    """Find samples that share far more with the training text than held-out text does."""
    if _far_above(*eights, *_OVERLAP):
        own, usual = (100 * (share or 0) for share in eights)
        return (
            f"{own:.0f} % of the samples' 8-grams occur in the training text; of those of held-out "
            f"text {usual:.0f} % do."
        )
    if _far_above(*longest, *_OVERLAP_CHARACTERS):
        return (
            f"A sample has {longest[0]:.0f} characters in a row from the training text on average, "
            f"held-out text {longest[1]:.0f}."
        )
    return ""


def _far_above(value: float | None, usual: float | None, times: float, more: float) -> bool:
    return value is not None and usual is not None and value > times * usual + more


def find_unknown_tokens(tokens: int, unknown_tokens: int) -> str:
    """Find a tokenizer to which much of the held-out text is unknown."""
    if unknown_tokens <= _UNKNOWN * tokens:
        return ""
    return (
        f"{unknown_tokens} of {tokens} held-out tokens ({100 * unknown_tokens / tokens:.1f} %) are "
        "unknown to the tokenizer."
    )


def find_empty(samples: int, empty: int) -> str:
    """Find a model that often ends a text at once."""
    if empty <= _EMPTY * samples:
        return ""
    return (
        f"{empty} of {samples} continuations hold no word: diversity, repetition and self-BLEU are "
        "of the others alone, and each empty one lowers BLEU."
    )


def find_repetition(repetition: float | None, loops: Sequence[RepeatedPhrase] = ()) -> str:
    """Find samples that repeat themselves, or are caught in a loop."""
    if repetition is not None and repetition > _REPEATED:
        evidence = f"{100 * repetition:.0f} % of a sample's four-word phrases occurred in it before"
    elif loops:
        evidence = "A sample is caught in a loop"
    else:
        return ""
    if loops:
        words = " ".join(loops[0].text.split())
        if len(words) > _SHOWN_PHRASE:
            words = words[: _SHOWN_PHRASE - 1] + "…"
        phrase = f"“{words}”" if words else "white space"
        evidence += f"; {phrase} occurs {loops[0].times} times in a row"
    return f"{evidence}."


def find_incoherence(over_length: Sequence[tuple[int, float]]) -> str:
    """Find a long sample that surprises the model itself more and more."""
    if len(over_length) < 4:
        return ""
    quarter = len(over_length) // 4
    first = sum(loss for _, loss in over_length[:quarter]) / quarter
    last = sum(loss for _, loss in over_length[-quarter:]) / quarter
    if not last > _DRIFT * first:
        return ""
    return (
        f"In a sample of {over_length[-1][0]} tokens the model's own loss rises from {first:.3f} "
        f"at the beginning to {last:.3f} at the end."
    )
