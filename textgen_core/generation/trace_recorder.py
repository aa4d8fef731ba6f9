"""What the compiled loop records of each decode step, and the trace that is made of it.

Any sampler appears in a trace: a stage is the logits that it left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tokenizers

from textgen_core.generation.healing import CutPrompt
from textgen_core.generation.sample import Sample, TextStream
from textgen_core.generation.trace import Alternative, Kept, Step, TracedSample

SUPPRESSED_STAGE = "never drawn"


class Records(NamedTuple):
    """What is recorded at each position.

    alternatives: int32 `(batch, capacity, alternatives)`, the model's most likely tokens, and
    alternative_log_probabilities, float32, theirs; entropy: float32 `(batch, capacity)`.
    kept: int32 `(batch, capacity, stages)`, how many tokens each stage left; kept_probability:
    float32, what the model gives them together; drawn_log_probability: float32, of the token that
    was drawn, among them.
    """

    alternatives: Any
    alternative_log_probabilities: Any
    entropy: Any
    kept: Any
    kept_probability: Any
    drawn_log_probability: Any


def empty_records(batch: int, capacity: int, alternatives: int, stages: int) -> Records:
    """Return records of no step yet."""
    return Records(
        alternatives=tf.zeros((batch, capacity, alternatives), tf.int32),
        alternative_log_probabilities=tf.zeros((batch, capacity, alternatives)),
        entropy=tf.zeros((batch, capacity)),
        kept=tf.zeros((batch, capacity, stages), tf.int32),
        kept_probability=tf.zeros((batch, capacity, stages)),
        drawn_log_probability=tf.zeros((batch, capacity, stages)),
    )


def record(
    records: Records, position: Any, logits: Any, stages: Sequence[Any], tokens: Any
) -> Records:
    """Return the records with those of a step.

    position: int32 scalar; logits: float32 `(batch, vocabulary)`, the model's own; stages: logits
    of the same shape, as each stage left them; tokens: int32 `(batch,)`, those drawn.
    """
    log_probabilities = tf.nn.log_softmax(logits)
    probabilities = tf.exp(log_probabilities)
    likely = tf.math.top_k(log_probabilities, records.alternatives.shape[2])
    is_kept = [stage > -float("inf") for stage in stages]
    here = Records(
        alternatives=likely.indices,
        alternative_log_probabilities=likely.values,
        entropy=-tf.reduce_sum(probabilities * log_probabilities, axis=1),
        kept=tf.stack([tf.reduce_sum(tf.cast(each, tf.int32), axis=1) for each in is_kept], axis=1),
        kept_probability=tf.stack(
            [tf.reduce_sum(tf.where(each, probabilities, 0.0), axis=1) for each in is_kept], axis=1
        ),
        drawn_log_probability=tf.stack(
            [tf.gather(tf.nn.log_softmax(each), tokens, axis=1, batch_dims=1) for each in stages],
            axis=1,
        ),
    )
    return Records(*(written(old, new, position) for old, new in zip(records, here, strict=True)))


def written(old: Any, new: Any, position: Any) -> Any:
    """Return `old` `(batch, capacity, ...)` with `new` `(batch, ...)` at a position.

    A dynamic slice update: in place under XLA, where copying would cost as much as the capacity.
    """
    start = (0, position, *[0] * (old.shape.rank - 2))
    return tf.ensure_shape(keras.ops.slice_update(old, start, new[:, None]), old.shape)


def traced_sample(
    records: Records,
    row: int,
    prompt_token_ids: Sequence[int],
    cut: CutPrompt,
    sample: Sample,
    specs: Sequence[str],
    tokenizer: tokenizers.Tokenizer,
) -> TracedSample:
    """Return the trace of a sample, written in a row of a batch.

    prompt_token_ids: those before the sample's own, of which those of `cut` were fed and the others
    written again; specs: the samplers'.
    """
    first = len(prompt_token_ids)
    places = slice(first, first + len(sample.token_ids))
    own = [np.asarray(each[row, places]).tolist() for each in records]
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
        for token_id, text, log_probability, likely, values, entropy, *kept in zip(
            sample.token_ids, texts, sample.log_probabilities, *own, strict=True
        )
    ]
    return TracedSample(prompt=sample.prompt, steps=tuple(steps))


def token_text(tokenizer: tokenizers.Tokenizer, token_id: int) -> str:
    """Return the text of a token that stands alone; a special token's name."""
    text = str(tokenizer.decode([token_id], skip_special_tokens=True))
    return text or str(tokenizer.id_to_token(token_id) or "")
