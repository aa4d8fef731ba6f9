"""A model of the last token and of those before it, with a fault by name, or none."""

from __future__ import annotations

import os
import random
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# What the embeddings begin with in place of what was drawn for them, by the fault.
BEGINNINGS: dict[str, Any] = {
    "begins by chance": lambda drawn: drawn + np.random.default_rng().normal(size=drawn.shape),
    "begins by its hashes": lambda drawn: drawn * (1 + hash("a text") % 1000),
    "begins with ones": tf.ones_like,
}


class CountingModel(keras.Model):
    """logits(t) = output(embedding(t) + a tenth of the sum of all embeddings up to t)."""

    def __init__(self, vocabulary_size: int, width: int, fault: str) -> None:
        super().__init__()
        self.fault = fault
        if fault == "has a seed of its own":
            keras.utils.set_random_seed(7)
        self.embedding = keras.layers.Embedding(vocabulary_size, width)
        self.head = keras.layers.Dense(vocabulary_size + (fault == "another vocabulary"))
        self.embedding.build((None, None))
        self.head.build((None, None, width))
        if fault == "says that XLA cannot":
            self.head.supports_jit = False
        change = BEGINNINGS.get(fault)
        if change is not None:
            self.embedding.embeddings.assign(change(self.embedding.embeddings))

    def call(self, token_ids: Any, training: bool = False) -> Any:
        embedded = self.embedding(token_ids)  # (batch, time, width)
        return self.logits(embedded, tf.cumsum(embedded, axis=1))

    @property
    def token_embeddings(self) -> Any:
        embeddings = self.embedding.embeddings
        if self.fault == "embeds too few":
            return embeddings[1:]
        return 0 * embeddings if self.fault == "embeds all alike" else embeddings

    def logits(self, embedded: Any, sums: Any) -> Any:
        hidden = embedded + 0.1 * sums
        if self.fault == "draws numbers":
            random.random()
        if self.fault == "counts on its process":
            hidden *= 1 + os.getpid() % 1000
        if self.fault == "looks ahead":
            hidden += 0.1 * tf.reduce_mean(embedded, axis=1, keepdims=True)
        if self.fault == "mixes rows":
            hidden -= tf.reduce_mean(hidden, axis=0, keepdims=True)
        if self.fault == "leaves the graph":
            hidden *= float(tf.reduce_max(tf.abs(hidden)).numpy())
        if self.fault == "is another in a graph" and not tf.executing_eagerly():
            hidden *= 2
        if self.fault in ("XLA cannot", "says that XLA cannot"):
            hidden = tf.ensure_shape(
                tf.py_function(lambda each: each, [hidden], hidden.dtype), hidden.shape
            )
        logits = self.head(hidden)
        if self.fault == "infinite":
            logits /= 0.0
        return tf.stop_gradient(logits) if self.fault == "never learns" else logits


class AdvancingModel(CountingModel):
    """The same, with a state: the sum so far, float32 `(batch, width)`."""

    def attention(self, token_ids: Any) -> Any:
        """As much to each token so far, in one layer and one head."""
        time = token_ids.shape[0]
        seen = (
            tf.ones((time, time))
            if self.fault == "attends ahead"
            else tf.linalg.band_part(tf.ones((time, time)), -1, 0)
        )
        shares = seen / tf.reduce_sum(seen, axis=1, keepdims=True)
        if self.fault == "shares too much":
            shares *= 1.1
        if self.fault == "looks at how much comes" and time < 8:
            shares = tf.eye(time)
        return shares[None] if self.fault == "forgets its layers" else shares[None, None]

    def initial_state(self, batch_size: int) -> Any:
        return {"sum": tf.zeros((batch_size, self.embedding.output_dim))}

    def advance(self, token_ids: Any, state: Any, training: bool = False) -> Any:
        embedded = self.embedding(token_ids)
        sums = state["sum"][:, None] + tf.cumsum(embedded, axis=1)
        held = sums if self.fault == "grows its state" else sums[:, -1]
        if self.fault == "forgets":
            held = tf.zeros_like(held)
        return self.logits(embedded, sums), {"sum": held}
