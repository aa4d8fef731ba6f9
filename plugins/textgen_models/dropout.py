"""Dropout whose mask is a pure function of a seed, the same however a step is compiled.

A model draws one seed for each call and hands it to its layers, so that a layer that is computed
again in the backward pass drops the same units.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from textgen_models.hashing import mixed, unsigned


def draw_seed(generator: keras.random.SeedGenerator) -> Any:
    """Return the next seed of `generator`, int32 `(2,)`."""
    seed = tf.convert_to_tensor(generator.next())
    return tf.cast(tf.math.floormod(seed, tf.int32.max - 1), tf.int32)


def seed_at(seed: Any, place: int) -> Any:
    """Return the seed of a place: it tells the layers of a model apart. None stays None."""
    # A generator's seed is (base, counter): moving the base starts another stream of numbers.
    return None if seed is None else seed + tf.constant([place, 0], tf.int32)


def drop(inputs: Any, rate: float, seed: Any) -> Any:
    """Drop a share `rate` of `inputs` and scale the rest up; nothing without a seed.

    `seed`: int32 `(2,)`, or None outside training.
    """
    if seed is None or not rate:
        return inputs
    kept = _random_integers(tf.shape(inputs), seed) >= unsigned(int(rate * 2**32))
    return tf.where(kept, inputs / (1 - rate), tf.zeros((), inputs.dtype))


def _random_integers(shape: Any, seed: Any) -> Any:
    """Return uint32 numbers of `shape`: a hash of the seed and of each element's index.

    TensorFlow's own dropout draws with Philox, which XLA on a CPU computes again, a number at a
    time, for every use of the mask: about a hundred times slower, and more than the layers cost.
    """
    base, counter = tf.unstack(tf.bitcast(seed, tf.uint32))
    index = tf.cast(tf.range(tf.reduce_prod(shape)), tf.uint32)
    scrambled = mixed(index * unsigned(0x9E3779B9) + mixed(base + mixed(counter)))
    return tf.reshape(scrambled, shape)
