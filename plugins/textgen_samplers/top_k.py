"""Top-k sampling: the k most probable tokens.

The vocabulary is never sorted: the k-th logit is found by bisection.
"""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option

SPREAD = 16.0  # the k-th logit is looked for in steps of so much below the highest


@attrs.frozen(kw_only=True)
class TopKSampler(Sampler):
    """Keep the k most probable tokens, and all that are as probable as the last of them.

    From Fan, Lewis and Dauphin, "Hierarchical neural story generation" (2018).
    """

    k: int = option(40, help="how many tokens are kept", at_least=1, at_most=2**31 - 1, traced=True)

    def transform(self, logits: Any, history: History) -> Any:  # noqa: ARG002
        """Return the logits, float32 `(batch, vocabulary)`, with all but the top k at -inf."""
        import tensorflow as tf

        from textgen_samplers.bisection import (
            LOWEST,
            SMALL,
            Interval,
            lanes,
            largest_threshold,
            threshold_among,
            total_of,
            without,
        )

        k = tf.cast(tf.minimum(self.k, logits.shape[1]), tf.float32)
        if logits.shape[1] <= SMALL:
            kth = threshold_among(logits, tf.ones_like(logits), k)
            return without(logits, tf.cast(logits >= kth, tf.float32))

        values = lanes(logits, -float("inf"))

        def count(threshold: Any) -> Any:
            return total_of(tf.cast(values >= tf.expand_dims(threshold, 1), tf.float32))

        highest = tf.maximum(tf.reduce_max(logits, axis=1, keepdims=True), LOWEST)  # (batch, 1)
        lowest = tf.fill(highest.shape, LOWEST)
        left = count(lowest)  # tokens that are not excluded
        above = highest + tf.maximum(tf.abs(highest) * 1e-6, 1e-37)
        threshold = largest_threshold(
            count,
            tf.minimum(k, left),
            Interval(lowest, above, left, tf.zeros_like(left)),
            between=lambda low, high, share: high - tf.minimum(high - low, SPREAD) * (1 - share),
            is_settled=lambda interval: interval.at_low <= k,
        )
        return without(logits, tf.cast(logits >= threshold, tf.float32))
