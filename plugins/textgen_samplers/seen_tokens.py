"""Which tokens of the vocabulary occur at some places of a text, and how often."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def occurring(token_ids: Any, counts: Any, vocabulary_size: int) -> Any:
    """Return bool `(batch, vocabulary)`: whether a token stands at a place that counts.

    token_ids: int32 `(batch, places)`; counts: bool of the same shape.
    """
    return occurrences(token_ids, counts, vocabulary_size) > 0


def occurrences(token_ids: Any, counts: Any, vocabulary_size: int) -> Any:
    """Return int32 `(batch, vocabulary)`: at how many places that count a token stands.

    token_ids: int32 `(batch, places)`; counts: bool of the same shape.
    """
    batch, places = token_ids.shape
    rows = tf.repeat(tf.range(batch), places)
    # A place that does not count falls behind the vocabulary, and is cut off.
    columns = tf.reshape(tf.where(counts, token_ids, vocabulary_size), (-1,))
    found = tf.scatter_nd(
        tf.stack([rows, columns], axis=1),
        tf.ones((batch * places,), tf.int32),
        (batch, vocabulary_size + 1),
    )
    return found[:, :vocabulary_size]
