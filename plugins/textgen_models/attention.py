"""Causal self-attention over several heads, with or without a cache of keys and values."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from textgen_models.cache import write_at
from textgen_models.normalisation import unit_mean_square
from textgen_models.positions import rotated
from textgen_models.projection import Projection, sizes


class CausalSelfAttention(keras.layers.Layer):
    """Every position attends to itself and to those before it (Vaswani et al. 2017)."""

    def __init__(self, options: Any, *, name: str) -> None:
        super().__init__(name=name)
        self.heads = options.heads
        self.head_size = options.head_size
        self.normalises_queries = options.normalise_queries
        width = options.width
        last = "zeros" if options.zero_projections else "glorot_uniform"
        self.query = Projection(width, "glorot_uniform", name="query")
        self.key = Projection(width, "glorot_uniform", name="key")
        self.value = Projection(width, "glorot_uniform", name="value")
        self.joined = Projection(width, last, name="joined")

    def build(self, input_shape: Any) -> None:
        """Create the four matrices `(width, width)`."""
        for layer in (self.query, self.key, self.value, self.joined):
            layer.build(input_shape)

    def call(
        self, inputs: Any, positions: Any, rotation: Any = None, held: Any = None
    ) -> tuple[Any, Any]:
        """Return `(batch, time, width)` and the keys and values attended to.

        inputs: `(batch, time, width)`; positions: int32 `(time,)`; rotation: cosines and sines
        for those positions; held: `keys` and `values`, `(batch * head, capacity, size)`, that new
        ones are written into; None: only the inputs themselves are attended to.
        """
        query, key = self._query_and_key(inputs, rotation)
        value = self._split_heads(self.value(inputs))
        if held is None:
            keys, values = key, value
            key_positions = positions
        else:
            start = positions[0]
            keys = write_at(held["keys"], key, start)
            values = write_at(held["values"], value, start)
            key_positions = tf.range(sizes(keys)[1])
        if held is not None and key.shape[1] == 1:
            attended = _attend_from_one(query, key, value, held, key_positions < positions)
        else:
            visible = key_positions[None, :] <= positions[:, None]  # (time, time or capacity)
            attended = _attend(query, keys, values, visible)
        return self.joined(self._join_heads(attended)), {"keys": keys, "values": values}

    def shares(self, inputs: Any, positions: Any, rotation: Any = None) -> Any:
        """Return how much each position attends to each: float32 `(batch, heads, time, time)`.

        The arguments are those of a call that holds nothing.
        """
        query, key = self._query_and_key(inputs, rotation)
        shares = _shares(query, key, positions[None, :] <= positions[:, None])
        rows, time, _ = sizes(inputs)
        return tf.reshape(shares, (rows, self.heads, time, time))

    def _query_and_key(self, inputs: Any, rotation: Any) -> tuple[Any, Any]:
        query = self._split_heads(self.query(inputs))
        key = self._split_heads(self.key(inputs))
        if self.normalises_queries:
            query, key = unit_mean_square(query), unit_mean_square(key)
        if rotation is not None:
            query, key = rotated(query, *rotation), rotated(key, *rotation)
        return query, key

    def _split_heads(self, vectors: Any) -> Any:
        # Rows and heads are one axis: a product over two of them would copy a cache at every step.
        rows, time, _ = sizes(vectors)
        split = tf.reshape(vectors, (rows, time, self.heads, self.head_size))
        turned = tf.transpose(split, (0, 2, 1, 3))
        return tf.reshape(turned, (rows * self.heads, time, self.head_size))

    def _join_heads(self, vectors: Any) -> Any:
        time = sizes(vectors)[1]
        split = tf.reshape(vectors, (-1, self.heads, time, self.head_size))
        turned = tf.transpose(split, (0, 2, 1, 3))
        return tf.reshape(turned, (-1, time, self.heads * self.head_size))


def _attend(query: Any, key: Any, value: Any, visible: Any) -> Any:
    """Return `(batch * head, time, size)`: values weighted by their shares."""
    return tf.matmul(tf.cast(_shares(query, key, visible), value.dtype), value)


def _attend_from_one(query: Any, key: Any, value: Any, held: Any, visible: Any) -> Any:
    """Return `(batch * head, 1, size)`: what `_attend` does with the cache that has the new entry.

    It is computed from the cache as it was, `held`, and from the new entry apart. So a step need
    not copy a cache to write into it: whoever keeps the state can write into it in place.
    """
    query *= query.shape[-1] ** -0.5
    scores = tf.matmul(query, held["keys"], transpose_b=True)  # (batch * head, 1, capacity)
    own = tf.reduce_sum(query * key, axis=-1, keepdims=True)
    scores = tf.cast(scores, tf.float32) + tf.where(visible, 0.0, -1e9)
    shares = tf.nn.softmax(tf.concat([scores, tf.cast(own, tf.float32)], axis=-1))
    shares = tf.cast(shares, value.dtype)
    return tf.matmul(shares[..., :-1], held["values"]) + shares[..., -1:] * value


def _shares(query: Any, key: Any, visible: Any) -> Any:
    """Return the softmax of scores, float32 `(batch * head, time, time or capacity)`."""
    scores = tf.matmul(query * query.shape[-1] ** -0.5, key, transpose_b=True)
    return tf.nn.softmax(tf.where(visible, tf.cast(scores, tf.float32), -1e9))
