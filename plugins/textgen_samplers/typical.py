"""Locally typical sampling: the tokens whose surprisal is closest to the expected one.

The vocabulary is never sorted: how far a kept token may be off is found by bisection.
"""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option


@attrs.frozen(kw_only=True)
class TypicalSampler(Sampler):
    """Keep the tokens of the most typical surprise that together reach the probability p.

    The expected surprisal is the entropy. The token that crosses p is kept, and so are all that are
    as far from the entropy as it. From Meister, Pimentel, Wiher and Cotterell, "Locally typical
    sampling" (2022).
    """

    p: float = option(
        0.9, help="the probability that the kept tokens reach", above=0, at_most=1, traced=True
    )

    def transform(self, logits: Any, history: History) -> Any:  # noqa: ARG002
        """Return the logits, float32 `(batch, vocabulary)`, with the less typical at -inf."""
        import tensorflow as tf

        from textgen_samplers.bisection import largest_threshold

        is_left = logits > -float("inf")
        log_probabilities = tf.where(is_left, tf.nn.log_softmax(logits), 0.0)
        probabilities = tf.where(is_left, tf.exp(log_probabilities), 0.0)
        entropy = -tf.reduce_sum(probabilities * log_probabilities, axis=1, keepdims=True)
        closeness = tf.where(is_left, -tf.abs(log_probabilities + entropy), -float("inf"))

        def mass(threshold: Any) -> Any:
            is_kept = closeness >= threshold[:, None]
            return tf.reduce_sum(tf.where(is_kept, probabilities, 0.0), axis=1)

        total = tf.reduce_sum(probabilities, axis=1)  # (batch,)
        threshold = largest_threshold(
            mass,
            needed=self.p * total,
            low=tf.fill(tf.shape(total), -float("inf")),
            high=tf.zeros_like(total),
            is_settled=lambda low, kept, kept_above: tf.zeros_like(kept, tf.bool),  # noqa: ARG005
        )
        threshold = tf.where(
            self.p < 1, threshold, -float("inf")
        )  # rounding may exclude no token then
        return tf.where(closeness >= threshold[:, None], logits, -float("inf"))
