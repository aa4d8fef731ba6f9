"""Mirostat, version 2: tokens above a ceiling of surprisal are excluded, and the ceiling adapts.

The ceiling starts at twice the target, and after each token moves by how far that token's surprisal
was from the target (Basu et al. 2021, "Mirostat: a neural text decoding algorithm that directly
controls perplexity").
"""

from __future__ import annotations

import math
from typing import Any

import attrs
from textgen_core import History, Sampler, option

_NATS_IN_A_BIT = math.log(2)


@attrs.frozen(kw_only=True)
class MirostatSampler(Sampler):
    """Keep the surprisal of the text near a target (Mirostat 2, Basu et al. 2021)."""

    # Traced: another value needs no other program. In `transform` these are scalar tensors.
    target: float = option(
        3.0, help="the surprisal to aim at, in bits per token", above=0, traced=True
    )
    rate: float = option(
        0.1,
        help="the share of each miss that is corrected at once",
        above=0,
        at_most=1,
        traced=True,
    )

    def initial_state(self, batch_size: int, vocabulary_size: int) -> tuple[Any, Any]:
        """Return how far the ceiling has moved, and the surprisals of the last step.

        Before the first token it has not moved, and no surprisal is finite: nothing was missed.

        Returns:
            The correction `(batch,)` and the surprisals `(batch, vocabulary)`, in bits.
        """
        import tensorflow as tf

        return tf.zeros((batch_size,)), tf.fill((batch_size, vocabulary_size), float("inf"))

    def transform(self, logits: Any, history: History, state: Any = None) -> Any:
        """Return the logits, those of too surprising tokens at -inf, and the next state."""
        import tensorflow as tf

        correction, surprisals = state
        last_token = tf.gather(history.token_ids, history.length - 1, batch_dims=1)  # (batch,)
        seen = tf.gather(surprisals, last_token, batch_dims=1)  # (batch,)
        missed = tf.where(tf.math.is_finite(seen), seen - self.target, 0.0)
        correction -= self.rate * missed

        ceiling = 2 * self.target + correction
        is_kept = surprisals_of(logits) <= ceiling[:, None]
        is_kept |= logits >= tf.reduce_max(logits, axis=1, keepdims=True)
        logits = tf.where(is_kept, logits, -float("inf"))
        return logits, (correction, surprisals_of(logits))


def surprisals_of(logits: Any) -> Any:
    """Return the surprisal of each token in bits, `(batch, vocabulary)`; infinite if excluded."""
    import tensorflow as tf

    return -tf.nn.log_softmax(logits) / _NATS_IN_A_BIT
