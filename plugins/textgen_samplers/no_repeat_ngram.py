"""No phrase of n tokens twice; for single tokens there is `repetition_penalty`."""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option


@attrs.frozen(kw_only=True)
class NoRepeatNgramSampler(Sampler):
    """Exclude tokens that would complete a phrase of n tokens that the text already holds.

    The prompt counts as text. Where no token would be left, all are. From Paulus, Xiong and Socher,
    "A deep reinforced model for abstractive summarization" (2017), there for three tokens.
    """

    n: int = option(3, help="tokens in a phrase that may not come again", at_least=1, at_most=1_000)

    def transform(self, logits: Any, history: History) -> Any:
        """Return the logits, float32 `(batch, vocabulary)`, with those of repetitions at -inf."""
        import tensorflow as tf

        from textgen_samplers.seen_tokens import occurring

        token_ids, length = history.token_ids, history.length[:, None]  # (batch, 1)
        before = self.n - 1  # tokens of a phrase before its last
        starts = token_ids.shape[1] - before
        if starts < 1:
            return logits
        repeats = tf.range(starts)[None] + before < length  # (batch, starts): a whole phrase
        for place in range(before):
            of_the_end = tf.maximum(length - before + place, 0)
            newest = tf.gather(token_ids, of_the_end, axis=1, batch_dims=1)  # (batch, 1)
            repeats &= token_ids[:, place : place + starts] == newest
        excluded = occurring(token_ids[:, before:], repeats, logits.shape[1])
        left = tf.where(excluded, -float("inf"), logits)
        is_any_left = tf.reduce_any(left > -float("inf"), axis=1, keepdims=True)
        return tf.where(is_any_left, left, logits)
