"""Greedy decoding: the most probable token alone; of several equally probable ones all stay."""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core import History, Sampler


@attrs.frozen(kw_only=True)
class GreedySampler(Sampler):
    """Keep only the most probable token.

    The simplest search for a probable text, as in Sutskever, Vinyals and Le, "Sequence to sequence
    learning with neural networks" (2014), with a beam of one.
    """

    def transform(self, logits: Any, history: History) -> Any:  # noqa: ARG002 - the contract's name
        """Return the logits, float32 `(batch, vocabulary)`, with all but the maximum at -inf."""
        import tensorflow as tf

        highest = tf.reduce_max(logits, axis=1, keepdims=True)  # (batch, 1)
        return tf.where(logits >= highest, logits, -float("inf"))
