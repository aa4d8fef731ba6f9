"""Top-k sampling: the k most probable tokens.

The vocabulary is never sorted: the k-th logit is found by bisection.
"""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option


@attrs.frozen(kw_only=True)
class TopKSampler(Sampler):
    """Keep the k most probable tokens, and all that are as probable as the last of them.

    From Fan, Lewis and Dauphin, "Hierarchical neural story generation" (2018).
    """

    k: int = option(40, help="how many tokens are kept", at_least=1, at_most=2**31 - 1, traced=True)

    def transform(self, logits: Any, history: History) -> Any:  # noqa: ARG002
        """Return the logits, float32 `(batch, vocabulary)`, with all but the top k at -inf."""
        import tensorflow as tf

        from textgen_samplers.bisection import largest_threshold, strips, sum_of_strips

        k = tf.cast(tf.minimum(self.k, logits.shape[1]), tf.float32)
        parts = strips(logits)

        def count(threshold: Any) -> Any:
            return sum_of_strips(tf.where(part >= threshold[:, None], 1.0, 0.0) for part in parts)

        highest = tf.reduce_max(logits, axis=1)  # (batch,)
        threshold = largest_threshold(
            count,
            needed=tf.fill(tf.shape(highest), k),
            low=tf.fill(tf.shape(highest), -float("inf")),
            high=highest,
            is_settled=lambda low, kept, kept_above: kept == k,  # noqa: ARG005
        )
        return tf.where(logits >= threshold[:, None], logits, -float("inf"))
