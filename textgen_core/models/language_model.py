"""A `keras.Model` with its tokenizer: logits, and advancing with a state.

Any causal Keras model can be advanced: one that offers `initial_state` and `advance` does it its
own way, any other is run again over the window of tokens held so far. Both use the same window, so
that generation and scoring need not know which kind they hold.
"""

from __future__ import annotations

from typing import Any

import attrs
import keras
import tensorflow as tf

from textgen_core.data.reader import Reader
from textgen_core.errors import PluginFailure


@attrs.frozen(kw_only=True, eq=False)
class LanguageModel(Reader):
    """A model with what is known of it without TensorFlow: tokenizer, cleaning, window."""

    model: keras.Model

    @property
    def can_advance(self) -> bool:
        """Whether the model keeps a state of its own between calls."""
        return hasattr(self.model, "advance") and hasattr(self.model, "initial_state")

    @property
    def state_capacity(self) -> int | None:
        """How many tokens a state can hold; None: any number."""
        if not self.can_advance:
            return self.context_length
        capacity = getattr(self.model, "state_capacity", None)
        return None if capacity is None else int(capacity)

    @property
    def offers_token_embeddings(self) -> bool:
        """Whether the model has `token_embeddings`; a layer of that name is something else."""
        offered = getattr(self.model, "token_embeddings", None)
        return offered is not None and not callable(offered)

    @property
    def offers_attention(self) -> bool:
        """Whether the model has a function `attention`; a layer of that name is something else."""
        offered = getattr(self.model, "attention", None)
        return callable(offered) and not isinstance(offered, keras.layers.Layer)

    def logits(self, token_ids: Any, training: bool = False) -> Any:
        """Return logits, float32 `(batch, time, vocabulary)`, of int32 `(batch, time)`."""
        return tf.cast(self.model(token_ids, training=training), tf.float32)

    def initial_state(self, batch_size: int) -> Any:
        """Return the state of `batch_size` rows before the first token: a nest of tensors."""
        if self.can_advance:
            return self.model.initial_state(batch_size)
        return {
            "token_ids": tf.zeros((batch_size, self.context_length), tf.int32),
            "length": tf.zeros((), tf.int32),
        }

    def advance(self, token_ids: Any, state: Any, training: bool = False) -> Any:
        """Feed int32 `(batch, time)`; return float32 logits `(batch, time, vocabulary)` and state.

        The caller keeps to `state_capacity`: no more tokens are held than that.
        """
        if not self.can_advance:
            return self._recompute(token_ids, state, training)
        optional = {"training": True} if training else {}
        logits, state = self.model.advance(token_ids, state, **optional)
        return tf.cast(logits, tf.float32), state

    def advance_to_last(self, token_ids: Any, state: Any) -> Any:
        """Feed int32 `(batch, time)`; return the logits `(batch, vocabulary)` of the last position.

        A model that offers `project` projects that position only.
        """
        if self.can_advance and hasattr(self.model, "project"):
            hidden, state = self.model.advance(token_ids, state, project=False)
            return tf.cast(self.model.project(hidden[:, -1:]), tf.float32)[:, 0], state
        logits, state = self.advance(token_ids, state)
        return logits[:, -1], state

    def feed(self, token_ids: Any, state: Any) -> Any:
        """Feed int32 `(batch, time)` whose logits are not needed; return the state."""
        if not self.can_advance:
            return _hold(token_ids, state)
        optional = {"project": False} if hasattr(self.model, "project") else {}
        return self.model.advance(token_ids, state, **optional)[1]

    def _recompute(self, token_ids: Any, state: Any, training: bool) -> Any:
        state = _hold(token_ids, state)
        time = tf.shape(token_ids)[1]
        # Positions after the tokens held are zeros: a causal model never looks at them.
        logits = self.logits(state["token_ids"], training=training)
        return tf.gather(logits, state["length"] - time + tf.range(time), axis=1), state

    def check(self) -> None:
        """Run the model on two tokens; raise PluginFailure unless it keeps its contract."""
        shape = tuple(self.model(tf.zeros((1, 2), tf.int32)).shape)
        if shape != (1, 2, self.vocabulary_size):
            raise PluginFailure(
                f"The model turns token ids of shape (1, 2) into logits of shape {shape}.",
                f"Allowed: (1, 2, {self.vocabulary_size}), the vocabulary of its tokenizer.",
            )
        # A keras.Model that was written as a class declares no inputs, and is given int32.
        for declared in getattr(self.model, "inputs", None) or ():
            if "int" not in keras.backend.standardize_dtype(declared.dtype):
                raise PluginFailure(
                    f"The model takes its token ids as {declared.dtype}, which rounds large ones.",
                    "Allowed: an integer input.",
                    'Begin the model with keras.Input((None,), dtype="int32").',
                )


def _hold(token_ids: Any, state: Any) -> Any:
    """Return the state of a model that is run again, with these tokens after those it holds."""
    held, length = state["token_ids"], state["length"]
    time = tf.shape(token_ids)[1]
    positions = tf.range(tf.shape(held)[1])
    fed = tf.gather(token_ids, tf.clip_by_value(positions - length, 0, time - 1), axis=1)
    is_new = (positions >= length) & (positions < length + time)
    held = tf.where(is_new[None], tf.cast(fed, tf.int32), held)
    return {"token_ids": held, "length": length + time}
