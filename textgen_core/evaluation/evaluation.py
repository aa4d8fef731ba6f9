"""Scores a model on held-out text: figures, metrics, baselines and a diagnosis, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from textgen_core.components import Metric
from textgen_core.config.settings import EvaluationSettings
from textgen_core.evaluation.baselines import BaselineFigures, measure_baselines
from textgen_core.evaluation.diagnosis import Symptoms, diagnose
from textgen_core.evaluation.error_analysis import Errors, analyse_errors
from textgen_core.evaluation.evidence import (
    ContinuePrompts,
    HeldOut,
    TrainingData,
    TrainingText,
    gather_evidence,
)
from textgen_core.evaluation.figures import Figures, measure_losses
from textgen_core.evaluation.findings import Finding
from textgen_core.evaluation.metrics import measure_all, read_declared, sign_all
from textgen_core.evaluation.real_words import share_real_words
from textgen_core.evaluation.text_kind import find_other_kind, find_seen
from textgen_core.evaluation.token_texts import Written, show_written
from textgen_core.evaluation.verdict import UNSCORED, Verdict
from textgen_core.evaluation.verdict_rules import verdict_of
from textgen_core.runs.files import finite

if TYPE_CHECKING:
    from textgen_core.evaluation.scoring import PartLosses, Scorer

_LONG_SAMPLE = 400  # tokens at least, else four times the context


@attrs.frozen(kw_only=True)
class Evaluation:
    """How a run scores: the value that evaluation.json holds, with its keys.

    loss: nats per token; bytes: UTF-8 bytes of the text scored; samples: the continuations that
    metrics measured, of which empty_samples hold nothing but white space. parts: what a
    network and the counts that it is mixed with lose alone; empty without counts, and then not in
    JSON. forgetting: how a run that began with another scores on that one's held-out text, before
    and after; empty of others, and then not in JSON. A figure that is not finite becomes None.
    """

    split: str
    tokens: int
    bytes: int
    unknown_tokens: int
    loss: float
    perplexity: float
    bits_per_byte: float
    metrics: Mapping[str, Mapping[str, float | None]]
    baselines: Mapping[str, BaselineFigures]
    diagnosis: tuple[Finding, ...]
    signatures: Mapping[str, str] = attrs.field(factory=dict)
    readings: Mapping[str, Mapping[str, Mapping[str, str]]] = attrs.field(factory=dict)
    errors: Errors | None = None
    written: Sequence[Written] = ()
    notes: tuple[str, ...] = ()  # what reading and cleaning changed in another text; not in JSON
    samples: int = 0
    empty_samples: int = 0
    parts: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict)
    forgetting: Mapping[str, Any] = attrs.field(factory=dict)
    verdict: Verdict = UNSCORED

    def as_json(self) -> dict[str, Any]:
        """Return plain values that `json` writes without NaN or infinity."""
        plain: dict[str, Any] = attrs.asdict(self)
        plain["diagnosis"] = [each.as_json() for each in self.diagnosis]
        del plain["notes"]
        for key in ("parts", "forgetting"):
            if not plain[key]:
                del plain[key]
        plain["verdict"] = self.verdict.as_json()
        return dict(finite(plain))


def evaluate(
    scorer: Scorer,
    held_out: HeldOut,
    training: TrainingData,
    *,
    settings: EvaluationSettings,
    metrics: Sequence[tuple[str, str, Metric]],
    continue_prompts: ContinuePrompts,
) -> Evaluation:
    """Return the evaluation of the scorer's language model on `held_out`.

    metrics: of each its label, its distribution and itself. continue_prompts: from prompts and a
    number of new tokens to the text that the model writes after each. Raises PluginFailure if a
    metric raises or breaks its contract.
    """
    tokens = held_out.tokens
    losses, parts = scorer.score_parts(tokens.token_ids)
    figures = measure_losses(losses, tokens.text_bytes, tokens.unknown_bytes)
    text = TrainingText(training.documents)
    evidence = gather_evidence(
        scorer, tokens.token_ids[1:], losses, settings, text, continue_prompts
    )
    measured = measure_all(metrics, evidence)
    baselines = measure_baselines(held_out, training, scorer.language_model.vocabulary_size)
    # The first held-out prompt, and a text that goes on far beyond the model's context.
    prompts = evidence.prompts[:1]
    length = max(_LONG_SAMPLE, 4 * scorer.language_model.context_length)
    texts = continue_prompts(prompts, length) if prompts else [""]
    errors = analyse_errors(scorer, held_out, training, evidence, ("".join(prompts), texts[0]))
    seen, other_kind = _doubts(held_out, training, figures)
    empty = sum(not sample.strip() for sample in evidence.samples)
    of_parts = _measure_parts(parts, scorer, held_out) if parts else {}
    symptoms = attrs.evolve(
        _symptoms(figures, tokens.unknown_tokens, measured, baselines, training, errors),
        samples=len(evidence.samples),
        empty_samples=empty,
        real_words=share_real_words(evidence.samples, text),
        counts_loss=of_parts["counts"]["loss"] if of_parts else None,
        seen=seen,
        other_kind=other_kind,
    )
    findings = diagnose(symptoms)
    facts = attrs.evolve(training.facts, split=held_out.split if held_out.is_own else "")
    return Evaluation(
        split=held_out.split,
        bytes=tokens.text_bytes,
        unknown_tokens=tokens.unknown_tokens,
        **attrs.asdict(figures),
        metrics=measured,
        baselines=baselines,
        diagnosis=findings,
        verdict=verdict_of(symptoms, findings, facts),
        signatures=sign_all(metrics, evidence),
        readings=read_declared(metrics),
        errors=errors,
        written=show_written(evidence, scorer),
        notes=held_out.notes,
        samples=len(evidence.samples),
        empty_samples=empty,
        parts=of_parts,
    )


def _measure_parts(
    parts: PartLosses, scorer: Scorer, held_out: HeldOut
) -> dict[str, dict[str, float]]:
    """Return what network and counts come to alone: nats per token, and bits per byte."""
    tokens, counts = held_out.tokens, scorer.language_model.counts

    def figures(losses: np.ndarray) -> dict[str, float]:
        found = measure_losses(losses, tokens.text_bytes, tokens.unknown_bytes)
        return {"loss": found.loss, "bits_per_byte": found.bits_per_byte}

    assert counts is not None  # or there would be no parts
    return {
        "network": figures(parts.network),
        "counts": {**figures(parts.counts), "order": counts.order},
    }


def _doubts(held_out: HeldOut, training: TrainingData, figures: Figures) -> tuple[str, str]:
    """Return why a text that is not the run's own says little of the model: seen, or another."""
    if held_out.is_own:
        return "", ""
    unknown = held_out.tokens.unknown_tokens / max(1, figures.tokens)
    return find_seen(held_out.documents, training), find_other_kind(
        held_out.documents, training, bits_per_byte=figures.bits_per_byte, unknown=unknown
    )


def _symptoms(
    figures: Figures,
    unknown_tokens: int,
    measured: Mapping[str, Mapping[str, float | None]],
    baselines: Mapping[str, BaselineFigures],
    training: TrainingData,
    errors: Errors,
) -> Symptoms:
    def figure(name: str) -> float | None:  # whichever metric reports it
        found = (each.get(name) for each in measured.values())
        return next((value for value in found if value is not None), None)

    return Symptoms(
        tokens=figures.tokens,
        unknown_tokens=unknown_tokens,
        loss=figures.loss,
        bits_per_byte=figures.bits_per_byte,
        uniform_loss=baselines.get("uniform", {}).get("loss"),
        unigram_loss=baselines.get("unigram", {}).get("loss"),
        ngram_loss=baselines.get("ngram", {}).get("loss"),
        xz_bits_per_byte=baselines.get("xz", {}).get("bits_per_byte"),
        repetition=figure("rep_4"),
        copied_fours=(figure("copied_4"), figure("copied_4_held_out")),
        copied_eights=(figure("copied_8"), figure("copied_8_held_out")),
        longest_copied=(figure("mean_longest_copied"), figure("mean_longest_copied_held_out")),
        loops=errors.loops,
        over_length=[(tokens, loss) for tokens, loss, _ in errors.over_length],
        rows=training.rows,
        longer=training.longer,
    )
