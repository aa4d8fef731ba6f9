"""What the loop records of each token, and the trace that is made of it.

Any sampler appears in a trace: a stage is the logits that it left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tokenizers

from textgen_core.generation.healing import CutPrompt
from textgen_core.generation.sample import Sample, TextStream
from textgen_core.generation.trace import Alternative, Kept, Step, TracedSample

SUPPRESSED_STAGE = "never drawn"


class StepRecord(NamedTuple):
    """What is recorded of one token of every row.

    alternatives: int32 `(rows, alternatives)`, the model's most likely tokens, and
    alternative_log_probabilities, float32, theirs; alternatives_kept: bool `(rows, samplers,
    alternatives)`, whether each sampler left them. entropy: float32 `(rows,)`.
    kept: int32 `(rows, stages)`, how many tokens each stage left; kept_probability: float32, what
    the model gives them together; drawn_log_probability: float32, of the token that was drawn,
    among them.
    """

    alternatives: np.ndarray
    alternative_log_probabilities: np.ndarray
    alternatives_kept: np.ndarray
    entropy: np.ndarray
    kept: np.ndarray
    kept_probability: np.ndarray
    drawn_log_probability: np.ndarray


def record(
    logits: np.ndarray, stages: Sequence[np.ndarray], tokens: np.ndarray, alternatives: int
) -> StepRecord:
    """Return what a trace needs of a token.

    logits: float32 `(rows, vocabulary)`, the model's own; stages: logits of the same shape, as each
    stage left them; tokens: int `(rows,)`, those drawn; alternatives: how many are shown at most.
    """
    log_probabilities = _log_softmax(logits)
    probabilities = np.exp(log_probabilities)
    likely = np.argsort(-log_probabilities, axis=1, kind="stable")[:, :alternatives]
    kept = [stage > -np.inf for stage in stages]
    own = np.where(probabilities > 0, log_probabilities, 0)  # 0 times -inf is no number
    rows = np.arange(len(tokens))
    return StepRecord(
        alternatives=likely,
        alternative_log_probabilities=np.take_along_axis(log_probabilities, likely, axis=1),
        alternatives_kept=_kept_of(likely, kept[1:]),
        entropy=-(probabilities * own).sum(axis=1),
        kept=np.stack([each.sum(axis=1) for each in kept], axis=1),
        kept_probability=np.stack(
            [np.where(each, probabilities, 0).sum(axis=1) for each in kept], axis=1
        ),
        drawn_log_probability=np.stack(
            [_log_softmax(stage)[rows, tokens] for stage in stages], axis=1
        ),
    )


def _kept_of(likely: np.ndarray, kept: Sequence[np.ndarray]) -> np.ndarray:
    """Return whether each sampler left the likely tokens; kept: bool `(rows, vocabulary)` each."""
    if not kept:
        return np.zeros((len(likely), 0, likely.shape[1]), bool)
    return np.stack([np.take_along_axis(each, likely, axis=1) for each in kept], axis=1)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    found: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found


def traced_sample(
    records: Sequence[StepRecord],
    row: int,
    prompt_token_ids: Sequence[int],
    cut: CutPrompt,
    sample: Sample,
    specs: Sequence[str],
    tokenizer: tokenizers.Tokenizer,
) -> TracedSample:
    """Return the trace of a sample, written in a row of a group.

    records: those of the sample's tokens; prompt_token_ids: those before the sample's own, of which
    those of `cut` were fed and the others written again; specs: the samplers'.
    """
    own = [[each[row].tolist() for each in field] for field in zip(*records, strict=True)]
    own = own or [[] for _ in StepRecord._fields]
    fed = len(cut.token_ids)
    stream = TextStream(tokenizer, cut.token_ids, len(cut.tail))
    stream.push(prompt_token_ids[fed:])
    texts = [stream.push([token_id]) for token_id in sample.token_ids]
    texts[-1:] = [text + stream.finish() for text in texts[-1:]]  # whatever was held back
    stages = (SUPPRESSED_STAGE, *specs)
    steps = [
        Step(
            token_id=token_id,
            text=text,
            log_probability=log_probability,
            entropy=entropy,
            alternatives=tuple(
                Alternative(token_id=each, text=token_text(tokenizer, each), log_probability=value)
                for each, value in zip(likely, values, strict=True)
            ),
            kept=tuple(
                Kept(stage=stage, tokens=tokens, probability=probability, log_probability=drawn)
                for stage, tokens, probability, drawn in zip(stages, *kept, strict=True)
            ),
        )
        for token_id, text, log_probability, likely, values, _, entropy, *kept in zip(
            sample.token_ids, texts, sample.log_probabilities, *own, strict=True
        )
    ]
    return TracedSample(prompt=sample.prompt, steps=tuple(steps))


def token_text(tokenizer: tokenizers.Tokenizer, token_id: int) -> str:
    """Return the text of a token that stands alone; a special token's name."""
    text = str(tokenizer.decode([token_id], skip_special_tokens=True))
    return text or str(tokenizer.id_to_token(token_id) or "")
