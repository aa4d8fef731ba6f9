"""Writing new keys or values into a cache of fixed size, at a position known only at run time.

This module knows nothing about attention.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@tf.custom_gradient  # type: ignore[untyped-decorator]
def write_at(cache: Any, entries: Any, position: Any) -> Any:
    """Return `cache` `(batch, head, capacity, size)` with `entries` from `position` on.

    entries: `(batch, head, time, size)`; position: int32 scalar, with room for all entries. The
    operation is a dynamic slice update: in place where the compiler can, and the same program
    for every position. It comes without a gradient, so this function brings one.
    """
    start = (0, 0, position, 0)

    def gradient(upstream: Any) -> tuple[Any, Any, None]:
        size = tf.shape(entries)
        d_entries = tf.slice(upstream, tf.stack(start), size)
        d_entries.set_shape(entries.shape)
        d_cache = keras.ops.slice_update(upstream, start, tf.zeros_like(entries))
        return d_cache, d_entries, None

    written = keras.ops.slice_update(cache, start, entries)
    written = tf.ensure_shape(written, cache.shape)
    return written, gradient
