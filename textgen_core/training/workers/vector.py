"""The gradients of all variables as one flat vector, and back.

Of a large table, such as one of n-grams, a batch reads a few rows, and the gradient of all others
is zero: then each worker sends its rows with their numbers, in a place of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import tensorflow as tf

_WORTH = 0.5  # of a whole gradient: if its rows take less, they are sent instead
_MOST_ROWS = 2**24  # of a table: numbers that a float32 holds exactly


@attrs.frozen
class _Place:
    """How the gradient of a variable lies in the vector.

    rows: how many each worker sends of it; 0: it is sent whole. size: what all of them take.
    """

    shape: tuple[int, ...]
    dtype: Any
    rows: int
    size: int


class GradientVector:
    """The order in which the loss and the gradients of `variables` lie in float32 `(size,)`.

    Settled by the first gradients that are packed, and the same in all workers: it depends on the
    shape of their batches alone.
    """

    def __init__(self, variables: Sequence[Any], rank: int, workers: int) -> None:
        self._variables = variables
        self._rank, self._workers = rank, workers
        self._places: list[_Place] = []

    @property
    def size(self) -> int:
        """How many numbers there are; 0 as long as it is not settled."""
        return 1 + sum(each.size for each in self._places) if self._places else 0

    def pack(self, header: Any, loss_sum: Any, gradients: Sequence[Any]) -> Any:
        """Return a header, the loss and the gradients, one after the other."""
        pairs = list(zip(gradients, self._variables, strict=True))
        self._places = [self._place(gradient, variable) for gradient, variable in pairs]
        flat = [
            self._flat(gradient, place)
            for gradient, place in zip(gradients, self._places, strict=True)
        ]
        return tf.concat([header, tf.reshape(loss_sum, [1]), *flat], axis=0)

    def unpack(self, body: Any) -> tuple[Any, list[Any]]:
        """Return the loss and the gradients of a vector without its header."""
        loss_sum, *flat = tf.split(body, [1, *(place.size for place in self._places)])
        gradients = [
            tf.cast(self._unflat(each, place), place.dtype)
            for each, place in zip(flat, self._places, strict=True)
        ]
        return loss_sum[0], gradients

    def _place(self, gradient: Any, variable: Any) -> _Place:
        shape, dtype = tuple(variable.shape), tf.as_dtype(variable.dtype)
        whole = int(tf.TensorShape(shape).num_elements())
        if isinstance(gradient, tf.IndexedSlices) and shape[0] <= _MOST_ROWS:
            rows = int(gradient.values.shape[0])
            size = self._workers * rows * (whole // shape[0] + 1)
            if size < _WORTH * whole:
                return _Place(shape, dtype, rows, size)
        return _Place(shape, dtype, 0, whole)

    def _flat(self, gradient: Any, place: _Place) -> Any:
        if not place.rows:
            return tf.reshape(tf.cast(tf.convert_to_tensor(gradient), tf.float32), [-1])
        values = tf.reshape(tf.cast(gradient.values, tf.float32), (place.rows, -1))
        numbers = tf.cast(gradient.indices, tf.float32)[:, None]
        own = tf.reshape(tf.concat([numbers, values], axis=1), [-1])
        before, after = self._rank, self._workers - 1 - self._rank
        return tf.pad(own, [[before * own.shape[0], after * own.shape[0]]])

    def _unflat(self, numbers: Any, place: _Place) -> Any:
        if not place.rows:
            return tf.reshape(numbers, place.shape)
        rows = tf.reshape(numbers, (self._workers * place.rows, -1))
        values = tf.reshape(rows[:, 1:], (-1, *place.shape[1:]))
        indices = tf.cast(rows[:, 0], tf.int32)
        return tf.math.unsorted_segment_sum(values, indices, place.shape[0])
