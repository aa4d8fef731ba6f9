"""Nucleus sampling: the most probable tokens that together reach the probability p.

The vocabulary is never sorted: the probability of the last token kept is found by bisection.
"""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option

ABOVE_ONE = 1.0000001  # the float32 after 1


@attrs.frozen(kw_only=True)
class NucleusSampler(Sampler):
    """Keep the most probable tokens that together reach the probability p.

    The token that crosses p is kept, and so are all that are as probable as it. From Holtzman,
    Buys, Du, Forbes and Choi, "The curious case of neural text degeneration" (2019).
    """

    p: float = option(
        0.9, help="the probability that the kept tokens reach", above=0, at_most=1, traced=True
    )

    def transform(self, logits: Any, history: History) -> Any:  # noqa: ARG002
        """Return the logits, float32 `(batch, vocabulary)`, with all but the nucleus at -inf."""
        import tensorflow as tf

        from textgen_samplers.bisection import (
            LOWEST,
            SMALL,
            at_least,
            lanes,
            threshold_among,
            without,
        )

        highest = tf.reduce_max(logits, axis=1, keepdims=True)
        # A row without any token left would turn into NaN: -inf minus -inf.
        highest = tf.maximum(highest, LOWEST)
        weights = tf.exp(logits - highest)  # (batch, vocabulary), 1 at the maximum
        if logits.shape[1] <= SMALL:
            total = tf.reduce_sum(weights, axis=1, keepdims=True)  # (batch, 1)
            threshold = threshold_among(weights, weights, self.p * total)
        else:
            threshold = self._search(lanes(weights), logits.shape[1])
        threshold = tf.where(self.p < 1, threshold, 0.0)  # rounding may not exclude a token then
        return without(logits, at_least(weights, threshold))

    def _search(self, weights: Any, vocabulary_size: int) -> Any:
        """Return the weight `(batch, 1)` of the last token kept; weights: in lanes."""
        import tensorflow as tf

        from textgen_samplers.bisection import (
            LEAST,
            ROUNDING,
            STEEP,
            Interval,
            largest_threshold,
            total_of,
            weights_from,
        )

        steep = weights * STEEP

        def mass(threshold: Any) -> Any:
            return total_of(weights_from(steep - tf.expand_dims(threshold * STEEP, 1), weights))

        def is_settled(interval: Interval) -> Any:
            # Two tokens left to decide between would weigh at least twice the lower bound.
            between, error = interval.at_low - interval.at_high, ROUNDING * total
            return (between < tf.maximum(2 * interval.low - error, error)) | (self.p >= 1)

        total = total_of(weights)  # (batch, 1)
        # The tokens under the smallest could not make up 1 - p, were they all there is.
        smallest = (1 - self.p) * (1 - ROUNDING) / vocabulary_size
        low = tf.maximum(smallest * total, LEAST)
        return largest_threshold(
            mass,
            self.p * total,
            Interval(low, tf.fill(low.shape, ABOVE_ONE), total, tf.zeros_like(total)),
            between=lambda low, high, share: low * tf.exp(share * tf.math.log(high / low)),
            is_settled=is_settled,
        )
