"""Scores a run on held-out text: figures, metrics, baselines and a diagnosis, as one value.

Takes values and returns one; knows nothing about run directories, plugins' names or how text is
generated. `Evaluation` has the keys of evaluation.json.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs
import numpy as np

from textgen_core.components import Metric
from textgen_core.data.tokenizer import START, encode
from textgen_core.evaluation.baselines import (
    Baseline,
    measure_ngram,
    measure_uniform,
    measure_unigram,
    measure_xz,
)
from textgen_core.evaluation.diagnosis import Finding, Rows, Symptoms, diagnose
from textgen_core.evaluation.evidence import ContinuePrompts, ScoredSplit, gather_evidence
from textgen_core.evaluation.figures import Figures, measure_losses
from textgen_core.evaluation.metrics import measure_all
from textgen_core.settings import EvaluationSettings

# The figure that tells of repetition, whichever metric reports it.
_REPETITION = "rep_4"


class TokensOfSplit(Protocol):
    """A split as token ids, int `(tokens,)` with `<START>` first, and what they stand for."""

    @property
    def token_ids(self) -> np.ndarray: ...
    @property
    def text_bytes(self) -> int: ...
    @property
    def unknown_tokens(self) -> int: ...
    @property
    def unknown_bytes(self) -> int: ...


class TokenScorer(Protocol):
    """Gives losses to token ids under a language model, as `scoring.Scorer` does."""

    @property
    def language_model(self) -> Any: ...
    def score(self, token_ids: np.ndarray) -> np.ndarray: ...


@attrs.frozen(kw_only=True)
class HeldOut:
    """The split that is scored: its name, its documents' cleaned text, and its tokens."""

    split: str
    documents: Sequence[str]
    tokens: TokensOfSplit


@attrs.frozen(kw_only=True)
class Training:
    """What the model learnt from: documents, token ids with `<START>` first, rows of metrics.jsonl.

    What is not at hand stays empty, and the baselines that need it are left out.
    """

    documents: Sequence[str] = ()
    token_ids: np.ndarray = attrs.field(factory=lambda: np.zeros((0,), np.int32), eq=False)
    rows: Rows = ()


@attrs.frozen(kw_only=True)
class Evaluation:
    """How a run scores: the value that evaluation.json holds, with its keys.

    loss: nats per token; bytes: UTF-8 bytes of the text scored. A figure that is not finite
    becomes None in JSON.
    """

    split: str
    tokens: int
    bytes: int
    unknown_tokens: int
    loss: float
    perplexity: float
    bits_per_byte: float
    metrics: Mapping[str, Mapping[str, float | None]]
    baselines: Mapping[str, Baseline]
    diagnosis: tuple[Finding, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values that `json` writes without NaN or infinity."""
        plain: dict[str, Any] = _finite(attrs.asdict(self))
        return plain


def evaluate(
    scorer: TokenScorer,
    held_out: HeldOut,
    training: Training,
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
    losses = scorer.score(tokens.token_ids)
    figures = measure_losses(losses, tokens.text_bytes, tokens.unknown_bytes)
    evidence = gather_evidence(
        ScoredSplit(token_ids=tokens.token_ids[1:], losses=losses, score=_text_scorer(scorer)),
        scorer.language_model.tokenizer,
        settings,
        training.documents,
        continue_prompts,
    )
    measured = measure_all(metrics, evidence)
    baselines = measure_baselines(held_out, training, scorer.language_model.vocabulary_size)
    return Evaluation(
        split=held_out.split,
        tokens=figures.tokens,
        bytes=tokens.text_bytes,
        unknown_tokens=tokens.unknown_tokens,
        loss=figures.loss,
        perplexity=figures.perplexity,
        bits_per_byte=figures.bits_per_byte,
        metrics=measured,
        baselines=baselines,
        diagnosis=diagnose(
            _symptoms(figures, tokens.unknown_tokens, measured, baselines, training)
        ),
    )


def measure_baselines(
    held_out: HeldOut, training: Training, vocabulary_size: int
) -> dict[str, Baseline]:
    """Return what the held-out text costs without the model: uniform, unigram, ngram and xz."""
    tokens = held_out.tokens
    sizes = tokens.text_bytes, tokens.unknown_bytes
    scored = max(0, len(tokens.token_ids) - 1)
    baselines: dict[str, Baseline] = {"uniform": measure_uniform(scored, vocabulary_size, *sizes)}
    if len(training.token_ids) > 1:
        ids = training.token_ids, tokens.token_ids
        baselines["unigram"] = measure_unigram(*ids, vocabulary_size, *sizes)
        baselines["ngram"] = measure_ngram(*ids, vocabulary_size, *sizes)
    if training.documents:
        baselines["xz"] = measure_xz(training.documents, held_out.documents, tokens.text_bytes)
    return baselines


def _text_scorer(scorer: TokenScorer) -> Any:
    tokenizer = scorer.language_model.tokenizer

    def score(text: str) -> np.ndarray:
        return scorer.score(np.array([START, *encode(tokenizer, text)], np.int32))

    return score


def _symptoms(
    figures: Figures,
    unknown_tokens: int,
    measured: Mapping[str, Mapping[str, float | None]],
    baselines: Mapping[str, Baseline],
    training: Training,
) -> Symptoms:
    repetitions = (values.get(_REPETITION) for values in measured.values())
    return Symptoms(
        tokens=figures.tokens,
        unknown_tokens=unknown_tokens,
        loss=figures.loss,
        bits_per_byte=figures.bits_per_byte,
        unigram_loss=baselines.get("unigram", {}).get("loss"),
        xz_bits_per_byte=baselines.get("xz", {}).get("bits_per_byte"),
        repetition=next((value for value in repetitions if value is not None), None),
        rows=training.rows,
    )


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
