"""Writing new keys or values into a cache of fixed size, at a position known only at run time."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@tf.custom_gradient  # type: ignore[untyped-decorator]
def write_at(cache: Any, entries: Any, position: Any) -> Any:
    """Return `cache` `(rows, size, capacity)` with `entries` from `position` on.

    entries: `(rows, size, time)`; position: int32 scalar, with room for all entries. The
    operation is a dynamic slice update: in place where the compiler can, and the same program
    for every position. It comes without a gradient, so this function brings one.
    """

    def gradient(upstream: Any) -> tuple[Any, Any, None]:
        # By gathering and masking: a slice at a position would be compiled again for each of them.
        time = tf.shape(entries)[2]
        d_entries = tf.gather(upstream, position + tf.range(time), axis=2)
        slots = tf.range(tf.shape(upstream)[2]) - position  # (capacity,)
        is_written = ((slots >= 0) & (slots < time))[None, None]
        d_cache = tf.where(is_written, tf.zeros_like(upstream), upstream)
        return d_cache, tf.ensure_shape(d_entries, entries.shape), None

    written = keras.ops.slice_update(cache, (0, 0, position), entries)
    written = tf.ensure_shape(written, cache.shape)
    return written, gradient
