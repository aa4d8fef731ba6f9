"""The state that training carries along streams, from one batch to the next.

At an epoch's start it begins anew. A model whose state holds a limited number of tokens gets, where
the next batch would not fit, a fresh state that has seen the last half of what the old one held (or
less, so that the batch fits): so its carry remembers those tokens too. All of it is in TensorFlow
operations, so that it compiles into the training step. This module knows nothing about losses.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from textgen_core.models.language_model import LanguageModel


class Carrier:
    """Makes and renews carries: the model's own state, with what renewing it needs."""

    def __init__(self, language_model: LanguageModel) -> None:
        self._language_model = language_model
        self._capacity = language_model.state_capacity
        if self._capacity is not None:
            room = self._capacity - language_model.context_length
            self._remembered = max(0, min(self._capacity // 2, room))

    def initial(self, batch_size: int) -> Any:
        """Return the carry of `batch_size` streams before their first token."""
        state = tf.nest.map_structure(
            tf.convert_to_tensor, self._language_model.initial_state(batch_size)
        )
        if self._capacity is None:
            return state
        recent = tf.zeros((batch_size, self._remembered), tf.int32)
        return {"state": state, "held": tf.zeros((), tf.int32), "recent": recent}

    def before(self, carry: Any, inputs: Any, starts_afresh: Any) -> Any:
        """Return the carry that int32 `(batch, time)` can be fed to; starts_afresh: bool scalar."""
        batch_size, time = inputs.shape
        first = self.initial(batch_size)
        carry = tf.nest.map_structure(
            lambda new, old: tf.where(starts_afresh, new, old), first, carry
        )
        if self._capacity is None:
            return carry
        is_full = carry["held"] + time > self._capacity
        return tf.cond(is_full, lambda: self._renewed(carry, first), lambda: carry)

    def state(self, carry: Any) -> Any:
        """Return the model's own state."""
        return carry if self._capacity is None else carry["state"]

    def after(self, carry: Any, state: Any, inputs: Any) -> Any:
        """Return the carry once the model has turned it into `state` by reading `inputs`."""
        if self._capacity is None:
            return state
        read = tf.concat([carry["recent"], inputs], axis=1)
        return {
            "state": state,
            "held": carry["held"] + inputs.shape[1],
            "recent": read[:, read.shape[1] - self._remembered :],
        }

    def _renewed(self, carry: Any, first: Any) -> Any:
        if not self._remembered:
            return first
        state = self._language_model.feed(carry["recent"], first["state"])
        held = tf.constant(self._remembered)
        return {"state": state, "held": held, "recent": carry["recent"]}
