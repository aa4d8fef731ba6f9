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
        """Return `(batch, time, width)`, and the keys and values held from now on, if any are.

        inputs: `(batch, time, width)`; positions: int32 `(time,)`; rotation: cosines and sines
        for those positions; held: `keys` and `values`, `(batch * head, size, capacity)`, that new
        ones are written into; None: only the inputs themselves are attended to.
        """
        query, key = self._query_and_key(inputs, rotation)
        value = self._split_heads(self.value(inputs))
        if held is None:
            attended = _attend(query, key, value, positions[None, :] <= positions[:, None])
            kept = {}
        else:
            entries = {"keys": _turned(key), "values": _turned(value)}
            kept = {name: write_at(held[name], entries[name], positions[0]) for name in entries}
            key_positions = tf.range(sizes(kept["keys"])[2])
            if key.shape[1] == 1:
                attended = _attend_from_one(query, entries, held, key_positions < positions)
            else:
                keys, values = _turned(kept["keys"]), _turned(kept["values"])
                visible = key_positions[None, :] <= positions[:, None]  # (time, capacity)
                attended = _attend(query, keys, values, visible)
        return self.joined(self._join_heads(attended)), kept

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


def _attend_from_one(query: Any, own: Any, held: Any, visible: Any) -> Any:
    """Return `(batch * head, 1, size)`: what `_attend` does with the cache that has the new entry.

    It is computed from the cache as it was, `held`, and from the new entry apart, `own`. So a step
    need not copy a cache to write into it: whoever keeps the state can write into it in place.
    With a single query, sums of products run over a cache as it lies there; a matrix product would
    first copy it to where it is fast for many queries.
    """
    query = _turned(query) * query.shape[-1] ** -0.5  # (batch * head, size, 1)
    scores = tf.reduce_sum(query * held["keys"], axis=1, keepdims=True)
    scores = tf.cast(scores, tf.float32) + tf.where(visible, 0.0, -1e9)
    own_score = tf.cast(tf.reduce_sum(query * own["keys"], axis=1, keepdims=True), tf.float32)
    shares = tf.cast(tf.nn.softmax(tf.concat([scores, own_score], axis=-1)), query.dtype)
    attended = tf.reduce_sum(shares[..., :-1] * held["values"], axis=2, keepdims=True)
    return _turned(attended + shares[..., -1:] * own["values"])


def _turned(entries: Any) -> Any:
    """Return `(batch * head, size, time)` of `(batch * head, time, size)`, and the other way."""
    return tf.transpose(entries, (0, 2, 1))


def _shares(query: Any, key: Any, visible: Any) -> Any:
    """Return the softmax of scores, float32 `(batch * head, time, time or capacity)`."""
    scores = tf.matmul(query * query.shape[-1] ** -0.5, key, transpose_b=True)
    return tf.nn.softmax(tf.where(visible, tf.cast(scores, tf.float32), -1e9))
