"""The recurrent state that training on streams keeps from one batch to the next.

It is reset at each epoch's start. A model whose state holds a limited number of tokens gets, where
the next batch would not fit, a fresh state that has read the last half of what the old one held (or
less, so that the batch fits): so it still remembers those tokens. All of it is TensorFlow
operations, so that it compiles into the training step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from textgen_core.models.language_model import LanguageModel


class RecurrentState:
    """Makes, resets and renews the state of a model, together with what renewing it needs.

    For micro-batches it is split by rows, and joined again. A tensor whose shape does not depend on
    the number of rows is shared: each micro-batch gets it, and that of the last one is kept.
    """

    def __init__(self, language_model: LanguageModel) -> None:
        self._language_model = language_model
        self._capacity = language_model.state_capacity
        if self._capacity is not None:
            free = self._capacity - language_model.context_length
            self._remembered = max(0, min(self._capacity // 2, free))

    def initial(self, batch_size: int) -> Any:
        """Return the state of `batch_size` streams before their first token."""
        model_state = tf.nest.map_structure(
            tf.convert_to_tensor, self._language_model.initial_state(batch_size)
        )
        if self._capacity is None:
            return model_state
        recent = tf.zeros((batch_size, self._remembered), tf.int32)
        return {"state": model_state, "length": tf.zeros((), tf.int32), "recent": recent}

    def before_batch(self, state: Any, inputs: Any, resets: Any) -> Any:
        """Return the state that int32 `(batch, time)` can be fed to; resets: bool scalar."""
        batch_size, time = inputs.shape
        first = self.initial(batch_size)
        state = tf.nest.map_structure(lambda new, old: tf.where(resets, new, old), first, state)
        if self._capacity is None:
            return state
        is_full = state["length"] + time > self._capacity
        return tf.cond(is_full, lambda: self._renewed(state, first), lambda: state)

    def model_state(self, state: Any) -> Any:
        """Return the model's own state."""
        return state if self._capacity is None else state["state"]

    def after_batch(self, state: Any, model_state: Any, inputs: Any) -> Any:
        """Return the state once the model has turned its own into `model_state` by `inputs`."""
        if self._capacity is None:
            return model_state
        read = tf.concat([state["recent"], inputs], axis=1)
        return {
            "state": model_state,
            "length": state["length"] + inputs.shape[1],
            "recent": read[:, read.shape[1] - self._remembered :],
        }

    def split(self, state: Any, rows: slice) -> Any:
        """Return the state of some rows."""
        parts = []
        for tensor, place in zip(tf.nest.flatten(state), self._places, strict=True):
            if place is not None:
                axis, of_a_row = place
                here = slice(rows.start * of_a_row, rows.stop * of_a_row)
                tensor = tensor[(*[slice(None)] * axis, here)]
            parts.append(tensor)
        return tf.nest.pack_sequence_as(state, parts)

    def join(self, parts: Sequence[Any], shared: int = -1) -> Any:
        """Return the state of all rows; `shared`: which part has the tensors that are shared."""
        flat = map(tf.nest.flatten, parts)
        joined = [
            tensors[shared] if place is None else tf.concat(tensors, axis=place[0])
            for place, *tensors in zip(self._places, *flat, strict=True)
        ]
        return tf.nest.pack_sequence_as(parts[0], joined)

    def placed(self, state: Any, rows: slice, batch_size: int, *, shared: bool) -> Any:
        """Return the state of some rows with zeros for all others; shared tensors are zeros too.

        shared: whether these stay.
        """
        found = []
        for tensor, place in zip(tf.nest.flatten(state), self._places, strict=True):
            if place is None:
                found.append(tensor if shared else tf.zeros_like(tensor))
                continue
            axis, of_a_row = place
            around = [rows.start * of_a_row, (batch_size - rows.stop) * of_a_row]
            found.append(tf.pad(tensor, [*[[0, 0]] * axis, around, *_unpadded(tensor, axis)]))
        return tf.nest.pack_sequence_as(state, found)

    @cached_property
    def _places(self) -> list[tuple[int, int] | None]:
        """The axis of the rows in each tensor, and how much of it is one row's; None without one.

        Heads may be folded into the axis of the batch.
        """
        with tf.init_scope():  # they are looked up while the step is traced
            pairs = zip(*(tf.nest.flatten(self.initial(rows)) for rows in (1, 2)), strict=True)
        places = []
        for for_one, for_two in pairs:
            more = np.subtract(for_two.shape, for_one.shape)
            axes = np.flatnonzero(more).tolist()
            places.append((axes[0], int(more[axes[0]])) if axes else None)
        return places

    def _renewed(self, state: Any, first: Any) -> Any:
        if not self._remembered:
            return first
        model_state = self._language_model.feed(state["recent"], first["state"])
        length = tf.constant(self._remembered)
        return {"state": model_state, "length": length, "recent": state["recent"]}


def _unpadded(tensor: Any, axis: int) -> list[list[int]]:
    return [[0, 0]] * (len(tensor.shape) - axis - 1)
