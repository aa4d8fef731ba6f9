"""How a Transformer knows where a token stands: sinusoids or rotations.

Positions are int32 `(time,)`, counted from the first token of a sequence.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

LONGEST_WAVE = 10_000.0


def sinusoidal_encoding(positions: Any, width: int) -> Any:
    """Return float32 `(time, width)`: sines, then cosines (Vaswani et al. 2017)."""
    angles = _angles(positions, width)
    return tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)


def rotation(positions: Any, size: int) -> tuple[Any, Any]:
    """Return the cosines and sines, float32 `(time, size / 2)`, that `rotated` turns pairs by."""
    angles = _angles(positions, size)
    return tf.cos(angles), tf.sin(angles)


def rotated(vectors: Any, cosines: Any, sines: Any) -> Any:
    """Turn pairs of `(..., time, size)` by their position's angles (Su et al. 2021).

    Products of queries and keys then depend on the distance of their positions alone. The pairs
    are the halves of a vector: its first entry with the first of its second half, and so on.
    """
    first, second = tf.split(vectors, 2, axis=-1)
    cosines = tf.cast(cosines, vectors.dtype)
    sines = tf.cast(sines, vectors.dtype)
    return tf.concat([first * cosines - second * sines, first * sines + second * cosines], axis=-1)


def _angles(positions: Any, width: int) -> Any:
    exponents = tf.range(0, width, 2, dtype=tf.float32) / width
    return tf.cast(positions, tf.float32)[:, None] * LONGEST_WAVE**-exponents
