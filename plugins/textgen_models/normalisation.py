"""The two normalisations of a Transformer, computed in float32 under any dtype policy."""

from __future__ import annotations

from typing import Any, Literal

import keras
import tensorflow as tf

EPSILON = 1e-6


def normalisation(kind: Literal["layer", "rms"], name: str) -> keras.layers.Layer:
    """Return a layer that normalises the last axis."""
    if kind == "rms":
        return keras.layers.RMSNormalization(epsilon=EPSILON, name=name)
    return keras.layers.LayerNormalization(epsilon=EPSILON, name=name)


def normalised(vectors: Any, weights: Any) -> Any:
    """Return what a layer of `normalisation` does with its weights: one for rms, two for layer."""
    wide = tf.cast(vectors, tf.float32)
    if len(weights) > 1:
        wide -= tf.reduce_mean(wide, axis=-1, keepdims=True)
    mean_square = tf.reduce_mean(wide * wide, axis=-1, keepdims=True)
    wide *= tf.math.rsqrt(mean_square + EPSILON)
    gain, *shift = (tf.cast(weight, tf.float32) for weight in weights)
    return tf.cast(wide * gain + shift[0] if shift else wide * gain, vectors.dtype)


def unit_mean_square(vectors: Any) -> Any:
    """Scale the last axis to a mean square of 1 (Zhang and Sennrich 2019, without a gain)."""
    wide = tf.cast(vectors, tf.float32)
    mean_square = tf.reduce_mean(wide * wide, axis=-1, keepdims=True)
    return tf.cast(wide * tf.math.rsqrt(mean_square + EPSILON), vectors.dtype)
