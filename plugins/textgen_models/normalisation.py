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


def unit_mean_square(vectors: Any) -> Any:
    """Scale the last axis to a mean square of 1 (Zhang and Sennrich 2019, without a gain)."""
    wide = tf.cast(vectors, tf.float32)
    mean_square = tf.reduce_mean(wide * wide, axis=-1, keepdims=True)
    return tf.cast(wide * tf.math.rsqrt(mean_square + EPSILON), vectors.dtype)
