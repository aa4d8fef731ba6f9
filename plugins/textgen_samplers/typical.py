"""Locally typical sampling: the tokens whose surprisal is closest to the expected one.

The vocabulary is never sorted: how far a kept token may be off is found by bisection.
"""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option

ABOVE_ZERO = 1e-37
FAR = -1e30  # nats: lower than any token's logit under the highest


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

        from textgen_samplers.bisection import LOWEST, SMALL, at_least, threshold_among, without

        highest = tf.maximum(tf.reduce_max(logits, axis=1, keepdims=True), LOWEST)
        # Finite for an excluded token too: its weight is 0, and 0 times a finite number is 0.
        relative = tf.maximum(logits - highest, FAR)  # (batch, vocabulary)
        weights = tf.exp(relative)
        total = tf.maximum(tf.reduce_sum(weights, axis=1, keepdims=True), 1.0)  # (batch, 1)
        log_probabilities = relative - tf.math.log(total)
        probabilities = weights / total
        entropy = -tf.reduce_sum(probabilities * log_probabilities, axis=1, keepdims=True)
        closeness = -tf.abs(log_probabilities + entropy)
        if logits.shape[1] <= SMALL:
            needed = self.p * tf.reduce_sum(probabilities, axis=1, keepdims=True)
            threshold = threshold_among(closeness, probabilities, needed)
        else:
            threshold = self._search(closeness, probabilities, entropy)
        threshold = tf.where(self.p < 1, threshold, FAR)  # rounding may exclude no token then
        return without(logits, at_least(closeness, threshold))

    def _search(self, closeness: Any, probabilities: Any, entropy: Any) -> Any:
        """Return the closeness `(batch, 1)` of the last token kept."""
        import tensorflow as tf

        from textgen_samplers.bisection import (
            ROUNDING,
            STEEP,
            Interval,
            lanes,
            largest_threshold,
            total_of,
            weights_from,
        )

        values, weights = lanes(closeness), lanes(probabilities)

        def mass(threshold: Any) -> Any:
            excess = (values - tf.expand_dims(threshold, 1)) * STEEP
            return total_of(weights_from(excess, weights))

        def is_settled(interval: Interval) -> Any:
            # Two tokens left to decide between would weigh at least twice the least of them.
            between, least = interval.at_low - interval.at_high, tf.exp(interval.low - entropy)
            return (between < tf.maximum(2 * least - ROUNDING, ROUNDING)) | (self.p >= 1)

        total = total_of(weights)  # (batch, 1)
        # The tokens under the smallest could not make up 1 - p, were they all there is.
        smallest = (1 - self.p) * (1 - ROUNDING) / closeness.shape[1]
        low = tf.maximum(tf.minimum(tf.math.log(smallest) + entropy, -entropy) - 1, FAR)
        return largest_threshold(
            mass,
            self.p * total,
            Interval(low, tf.fill(low.shape, ABOVE_ZERO), total, tf.zeros_like(total)),
            between=lambda low, high, share: low + share * (high - low),
            is_settled=is_settled,
        )
