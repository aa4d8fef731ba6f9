"""Nucleus sampling: the most probable tokens that together reach the probability p.

The vocabulary is never sorted: the probability of the last token kept is found by bisection.
"""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option

# The relative rounding error of a float32 sum over a vocabulary.
ROUNDING = 1e-5


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

        from textgen_samplers.bisection import largest_threshold, strips, sum_of_strips

        highest = tf.reduce_max(logits, axis=1, keepdims=True)
        # A row without any token left would turn into NaN: -inf minus -inf.
        highest = tf.maximum(highest, tf.float32.min)
        weights = tf.exp(logits - highest)  # (batch, vocabulary), 1 at the maximum
        parts = strips(weights)

        def mass(threshold: Any) -> Any:
            return sum_of_strips(tf.where(part >= threshold[:, None], part, 0.0) for part in parts)

        total = mass(tf.zeros_like(highest)[:, 0])  # (batch,)

        def is_settled(low: Any, kept: Any, kept_above: Any) -> Any:
            # Two tokens left to decide between would weigh at least twice the lower bound.
            return kept - kept_above + ROUNDING * total < 2 * low

        # The tokens under the smallest threshold could not make up 1 - p, were they all there is.
        smallest = (1 - self.p) * (1 - ROUNDING) / logits.shape[1]
        threshold = largest_threshold(
            mass,
            needed=self.p * total,
            low=smallest * total,
            high=tf.ones_like(total),
            is_settled=is_settled,
        )
        threshold = tf.where(self.p < 1, threshold, 0.0)  # rounding may not exclude a token then
        return tf.where(weights >= threshold[:, None], logits, -float("inf"))
