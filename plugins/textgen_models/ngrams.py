"""Embeddings of the last few tokens together: what a small model would spend layers on to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from textgen_models.hashing import mixed, unsigned
from textgen_models.projection import sizes


class NgramEmbedding(keras.layers.Layer):
    """A vector for each n-gram of 2 to `longest` tokens, and their sum at every position.

    There are as many vectors of a length as there are n-grams of it, but at most `rows`: then
    n-grams that a hash sends to one row share it (Svenstrup et al. 2017; for inputs of language
    models Pagnoni et al. 2024, section 3.2). They cost a look-up, however many there are.
    """

    def __init__(
        self,
        vocabulary_size: int,
        longest: int,
        rows: int,
        width: int,
        initialiser: Callable[[], Any],
        *,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self.vocabulary_size = vocabulary_size
        self.longest = longest
        self.rows = rows
        self.width = width
        self.initialiser = initialiser

    def build(self, input_shape: Any) -> None:  # noqa: ARG002 - the ids' shape does not matter
        """Create a matrix `(n-grams or rows, width)` for each length."""
        self.tables = [
            self.add_weight(
                shape=(min(self.rows, self.vocabulary_size**length), self.width),
                initializer=self.initialiser(),
                autocast=False,  # rows are cast after the look-up, not the whole matrix before it
                name=f"embeddings_{length}",
            )
            for length in range(2, self.longest + 1)
        ]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return `(batch, time, width)` of `(batch, time)`."""
        return (*input_shape, self.width)

    def call(self, token_ids: Any, held: Any = None) -> tuple[Any, Any]:
        """Return `(batch, time, width)` of integer `(batch, time)`, and the next call's `held`.

        held: the `longest - 1` tokens before these, int32 `(batch, longest - 1)`; None: padding.
        """
        before, token_ids = self.longest - 1, tf.cast(token_ids, tf.int32)
        if held is None:
            seen = tf.pad(token_ids, [[0, 0], [before, 0]])
        else:
            seen = tf.concat([held, token_ids], axis=1)
        time = sizes(token_ids)[1]
        total = tf.zeros((), tf.float32)
        for length, table in enumerate(self.tables, start=2):
            first = before - (length - 1)
            grams = [seen[:, first + place : first + place + time] for place in range(length)]
            total += tf.gather(tf.convert_to_tensor(table), self._rows_of(grams))
        return tf.cast(total, self.compute_dtype), seen[:, time:]

    def _rows_of(self, grams: list[Any]) -> Any:
        """Return the rows, int32 `(batch, time)`, of n-grams given token by token."""
        if self.vocabulary_size ** len(grams) <= self.rows:
            number = tf.zeros_like(grams[0])
            for token in grams:
                number = number * self.vocabulary_size + token
            return number
        first, *others = (tf.cast(token + 1, tf.uint32) for token in grams)
        key = mixed(first)
        for token in others:
            key = mixed(key + token)
        # Without the sign's bit, so that it is a number of int32.
        return tf.cast(tf.bitwise.right_shift(key, unsigned(1)), tf.int32) % self.rows


def ngram_embedding(
    vocabulary_size: int, longest: int, rows: int, width: int, initialiser: Callable[[], Any]
) -> NgramEmbedding | None:
    """Return the layer that both models' options ask for; None where single tokens are all."""
    if longest < 2:
        return None
    return NgramEmbedding(
        vocabulary_size, longest, rows, width, initialiser, name="ngram_embedding"
    )
