"""Min-p sampling: the tokens that are not much less probable than the most probable one."""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler, option


@attrs.frozen(kw_only=True)
class MinPSampler(Sampler):
    """Keep the tokens that are at least p times as probable as the most probable one.

    From Nguyen, Baker, Neo, Roush, Kirsch and Shwartz-Ziv, "Turning up the heat: min-p sampling
    for creative and coherent LLM outputs" (2024).
    """

    p: float = option(
        0.05,
        help="the share of the highest probability that a token needs",
        above=0,
        at_most=1,
        traced=True,
    )

    def transform(self, logits: Any, history: History) -> Any:  # noqa: ARG002
        """Return the logits, float32 `(batch, vocabulary)`, with the less probable at -inf."""
        import tensorflow as tf

        highest = tf.reduce_max(logits, axis=1, keepdims=True)  # (batch, 1)
        return tf.where(logits >= highest + tf.math.log(self.p), logits, -float("inf"))
