"""Which rows of a batch a worker computes, and of the recurrent state that belongs to them.

All workers have as many rows, so that their shapes are equal: where the rows of a batch do not
divide evenly, some have a row of padding, of which loss and gradient are zero.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import tensorflow as tf

from textgen_core.training.loss import PADDING
from textgen_core.training.recurrent_state import RecurrentState
from textgen_core.training.update import row_slices
from textgen_core.training.workers.transport import Collective


@attrs.frozen
class OwnRows:
    """A worker's rows of a batch: `here` of `batch_size`, and padding up to `size`."""

    batch_size: int
    here: slice
    size: int

    @classmethod
    def of(cls, batch_size: int, collective: Collective) -> OwnRows:
        """Return the rows of a worker."""
        here = row_slices(batch_size, collective.size)[collective.rank]
        return cls(batch_size, here, -(-batch_size // collective.size))

    @property
    def count(self) -> int:
        """How many rows of the batch there are, without padding."""
        return len(range(self.batch_size)[self.here])

    def of_batches(self, token_ids: np.ndarray) -> np.ndarray:
        """Return int32 `(batches, size, time)` of int32 `(batches, batch, time)`."""
        own = token_ids[:, self.here]
        missing = self.size - self.count
        return np.pad(own, ((0, 0), (0, missing), (0, 0)), constant_values=PADDING)

    def of_state(self, recurrent_state: RecurrentState, whole: Any) -> Any:
        """Return the state of these rows, that of padding fresh, from the state of all rows."""
        own = recurrent_state.split(whole, self.here)
        if self.count == self.size:
            return own
        fresh = recurrent_state.initial(self.size - self.count)
        return recurrent_state.join([own, fresh], shared=0)

    def gathered(self, recurrent_state: RecurrentState, own: Any, collective: Collective) -> Any:
        """Return the state of all rows, which each worker has a part of; all of them call it."""
        own = recurrent_state.split(own, slice(0, self.count))
        is_first = collective.rank == 0
        placed = recurrent_state.placed(own, self.here, self.batch_size, shared=is_first)
        flat = tf.nest.flatten(placed)
        numbers = tf.concat([tf.reshape(tf.cast(each, tf.float32), [-1]) for each in flat], axis=0)
        summed = tf.split(collective.sum(numbers), [tf.size(each).numpy() for each in flat])
        tensors = [
            tf.cast(tf.reshape(numbers, like.shape), like.dtype)
            for numbers, like in zip(summed, flat, strict=True)
        ]
        return tf.nest.pack_sequence_as(own, tensors)
