"""Dropout whose mask is a pure function of a seed and a row, the same however a step is compiled.

A model draws one seed for each call and hands it to its layers, so that a layer that is computed
again in the backward pass drops the same units. Rows count from the first of the whole batch, so
that a batch drops the same units however its rows are divided, among parts or among workers.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from textgen_models.hashing import mixed, unsigned


def draw_seed(generator: keras.random.SeedGenerator, first_row: Any = 0) -> Any:
    """Return the next seed of `generator`, int32 `(3,)`, for rows from `first_row` on."""
    seed = tf.convert_to_tensor(generator.next())
    seed = tf.cast(tf.math.floormod(seed, tf.int32.max - 1), tf.int32)
    return tf.concat([seed, [tf.cast(first_row, tf.int32)]], axis=0)


def seed_at(seed: Any, place: int) -> Any:
    """Return the seed of a place: it tells the layers of a model apart. None stays None."""
    # A generator's seed is (base, counter): moving the base starts another stream of numbers.
    return None if seed is None else seed + tf.constant([place, 0, 0], tf.int32)


def drop(inputs: Any, rate: float, seed: Any, rows_axis: int = 0) -> Any:
    """Drop a share `rate` of `inputs` and scale the rest up; nothing without a seed.

    `seed`: int32 `(3,)`, or None outside training. `rows_axis`: that of the rows, 0 or 1; a row
    has the same mask wherever its axis is.
    """
    if seed is None or not rate:
        return inputs
    kept = _random_integers(tf.shape(inputs), seed, rows_axis) >= unsigned(int(rate * 2**32))
    return tf.where(kept, inputs / (1 - rate), tf.zeros((), inputs.dtype))


def _random_integers(shape: Any, seed: Any, rows_axis: int) -> Any:
    """Return uint32 numbers of `shape`: a hash of the seed and of each element's index.

    TensorFlow's own dropout draws with Philox, which XLA on a CPU computes again, a number at a
    time, for every use of the mask: about a hundred times slower, and more than the layers cost.
    """
    base, counter, first_row = tf.unstack(tf.bitcast(seed, tf.uint32))
    index = _indices(shape, first_row, rows_axis)
    return mixed(index * unsigned(0x9E3779B9) + mixed(base + mixed(counter)))


def _indices(shape: Any, first_row: Any, rows_axis: int) -> Any:
    """Return the place of each element among those of the whole batch, its rows first: uint32."""
    if rows_axis == 0:
        index = tf.cast(tf.range(tf.reduce_prod(shape)), tf.uint32)
        return tf.reshape(index + first_row * tf.cast(tf.reduce_prod(shape[1:]), tf.uint32), shape)
    first, rows, others = shape[0], shape[1], tf.reduce_prod(shape[2:])
    by_row = (first_row + tf.cast(tf.range(rows), tf.uint32)) * tf.cast(first * others, tf.uint32)
    by_first = tf.cast(tf.range(first) * others, tf.uint32)
    within = tf.cast(tf.range(others), tf.uint32)
    index = by_first[:, None, None] + by_row[None, :, None] + within
    return tf.reshape(index, shape)
