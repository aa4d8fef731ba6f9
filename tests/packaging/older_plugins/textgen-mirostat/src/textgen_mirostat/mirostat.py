"""Mirostat, version 2: tokens above a ceiling of surprise are excluded, and the ceiling learns.

After each token the ceiling moves by how far that token's surprise was from the target (Basu et al.
2021, "Mirostat: a neural text decoding algorithm that directly controls perplexity").
"""

from __future__ import annotations

import math
from typing import Any

import attrs
from textgen_core import History, Sampler, option

_NATS_IN_A_BIT = math.log(2)


@attrs.frozen(kw_only=True)
class MirostatSampler(Sampler):
    """Keep the surprise of the text near a target (Mirostat 2, Basu et al. 2021)."""

    target: float = option(3.0, help="the surprise to aim at, in bits a token", above=0)
    rate: float = option(0.1, help="how much of each miss is put right at once", above=0, at_most=1)

    def initial_state(self, batch_size: int, vocabulary_size: int) -> tuple[Any, Any]:
        """Return the ceiling `(batch,)`, and the last step's surprises `(batch, vocabulary)`.

        Before the first token every surprise is the target's, so that nothing has been missed.
        """
        import tensorflow as tf

        ceiling = tf.fill((batch_size,), 2 * self.target)
        surprises = tf.fill((batch_size, vocabulary_size), self.target)
        return ceiling, surprises

    def transform(self, logits: Any, history: History, state: Any = None) -> Any:
        """Return the logits, those of too surprising tokens at -inf, and the next state."""
        import tensorflow as tf

        ceiling, surprises = state
        last_token = tf.gather(history.token_ids, history.length - 1, batch_dims=1)  # (batch,)
        seen = tf.gather(surprises, last_token, batch_dims=1)  # (batch,)
        missed = tf.where(tf.math.is_finite(seen), seen - self.target, 0.0)
        ceiling -= self.rate * missed

        is_kept = surprises_of(logits) <= ceiling[:, None]
        is_kept |= logits >= tf.reduce_max(logits, axis=1, keepdims=True)
        logits = tf.where(is_kept, logits, -float("inf"))
        return logits, (ceiling, surprises_of(logits))


def surprises_of(logits: Any) -> Any:
    """Return the surprise of each token in bits, `(batch, vocabulary)`; infinite if excluded."""
    import tensorflow as tf

    return -tf.nn.log_softmax(logits) / _NATS_IN_A_BIT
