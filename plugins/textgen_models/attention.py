"""Causal self-attention over several heads, with or without a cache of keys and values."""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
import tensorflow as tf

from textgen_models.cache import write_at
from textgen_models.normalisation import unit_mean_square
from textgen_models.positions import rotated
from textgen_models.projection import Projection, last_axis_product, sizes
from textgen_models.regions import region


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
        self,
        inputs: Any,
        positions: Any,
        rotation: Any = None,
        held: Any = None,
        compiled: bool = False,
    ) -> tuple[Any, Any]:
        """Return `(batch, time, width)`, and the keys and values held from now on, if any are.

        inputs: `(batch, time, width)`; positions: int32 `(time,)`; rotation: cosines and sines
        for those positions; held: `keys` and `values`, `(batch * head, size, capacity)`, that new
        ones are written into; None: only the inputs themselves are attended to. compiled: whether
        XLA compiles what lies between the products.
        """
        if compiled:
            query, key, value = self._compiled_heads(inputs, rotation)
        else:
            query, key = self._query_and_key(inputs, rotation)
            value = _split_heads(self.value(inputs), self.heads)
        attend = _attend_by_regions if compiled else _attend
        if held is None:
            visible = positions[None, :] <= positions[:, None]
            attended = attend(query, key, value, visible)
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
                attended = attend(query, keys, values, visible)
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
        return tuple(
            _turned_by_position(
                _split_heads(layer(inputs), self.heads), rotation, self.normalises_queries
            )
            for layer in (self.query, self.key)
        )

    def _compiled_heads(self, inputs: Any, rotation: Any) -> Any:
        """Return queries, keys and values: one product, and one region."""
        kernels = [layer.kernel for layer in (self.query, self.key, self.value)]
        joined = tf.concat([tf.cast(kernel, inputs.dtype) for kernel in kernels], axis=1)
        heads = _heads_region(self.heads, self.normalises_queries)
        return heads(last_axis_product(inputs, joined), *(rotation or ()))

    def _join_heads(self, vectors: Any) -> Any:
        time = sizes(vectors)[1]
        split = tf.reshape(vectors, (-1, self.heads, time, self.head_size))
        turned = tf.transpose(split, (0, 2, 1, 3))
        return tf.reshape(turned, (-1, time, self.heads * self.head_size))


@cache  # all layers have one, which is compiled once
def _heads_region(heads: int, normalises_queries: bool) -> Any:
    """Return the region from the product `(batch, time, 3 * width)` to queries, keys and values."""

    def heads_of(joined: Any, *rotation: Any) -> Any:
        query, key, value = (_split_heads(each, heads) for each in tf.split(joined, 3, axis=-1))
        turned = (_turned_by_position(each, rotation, normalises_queries) for each in (query, key))
        return (*turned, value)

    return region(heads_of)


def _split_heads(vectors: Any, heads: int) -> Any:
    """Return `(batch * head, time, size)` of `(batch, time, width)`."""
    # Rows and heads are one axis: a product over two of them would copy a cache at every step.
    rows, time, width = sizes(vectors)
    split = tf.reshape(vectors, (rows, time, heads, width // heads))
    turned = tf.transpose(split, (0, 2, 1, 3))
    return tf.reshape(turned, (rows * heads, time, width // heads))


def _turned_by_position(vectors: Any, rotation: Any, normalised: bool) -> Any:
    if normalised:
        vectors = unit_mean_square(vectors)
    return rotated(vectors, *rotation) if rotation else vectors


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


def _attend_by_regions(query: Any, key: Any, value: Any, visible: Any) -> Any:
    """Return what `_attend` does; what lies between its products is compiled by XLA."""
    scores = tf.matmul(query, key, transpose_b=True)
    return tf.matmul(_compiled_shares(scores, visible, query.shape[-1] ** -0.5), value)


def _compiled_shares(scores: Any, visible: Any, scale: float) -> Any:
    """Return the softmax of scores times `scale`, in their dtype; regions of their own."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(scores: Any) -> Any:
        shares = _SOFTMAX(scores, visible, scale)
        return shares, lambda upstream: _SOFTMAX_GRADIENT(shares, upstream, scale)

    return run(scores)


def _softmax(scores: Any, visible: Any, scale: float) -> Any:
    wide = tf.where(visible, tf.cast(scores, tf.float32) * scale, -1e9)
    return tf.cast(tf.nn.softmax(wide), scores.dtype)


def _softmax_gradient(shares: Any, upstream: Any, scale: float) -> Any:
    shares, upstream, dtype = (
        tf.cast(shares, tf.float32),
        tf.cast(upstream, tf.float32),
        shares.dtype,
    )
    mean = tf.reduce_sum(shares * upstream, axis=-1, keepdims=True)
    return tf.cast(scale * shares * (upstream - mean), dtype)


_SOFTMAX = tf.function(_softmax, jit_compile=True, autograph=False)
_SOFTMAX_GRADIENT = tf.function(_softmax_gradient, jit_compile=True, autograph=False)
