"""Gradient accumulation: a batch in micro-batches, whose gradients are added up.

Micro-batches are rows of the batch; their losses are summed and divided by the tokens of the whole,
so that loss and gradient are those of the whole batch. A recurrent state is split by rows too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import tensorflow as tf

# What an allocation that failed is called where it is not a ResourceExhaustedError.
_PHRASES = ("RESOURCE_EXHAUSTED", "out of memory", "Out of memory", "ALLOC_FAILED")


def is_exhaustion(error: BaseException) -> bool:
    """Return whether an error says that memory was short."""
    if isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
        return True
    return isinstance(error, tf.errors.InternalError) and any(
        phrase in str(error) for phrase in _PHRASES
    )


def micro_batch_rows(rows: int, micro_batches: int) -> list[slice]:
    """Return so many slices of `rows`, of nearly one size, in order."""
    borders = [rows * number // micro_batches for number in range(micro_batches + 1)]
    return [slice(first, last) for first, last in pairwise(borders)]


class RowSplitter:
    """Splits a recurrent state by rows of the batch, and joins it again.

    `initial` returns the state for a number of rows. A tensor whose shape does not depend on that
    number is shared: each micro-batch gets it, and that of the last one is kept.
    """

    def __init__(self, initial: Callable[[int], Any]) -> None:
        shapes = [
            [tuple(tf.convert_to_tensor(each).shape) for each in tf.nest.flatten(initial(rows))]
            for rows in (1, 2)
        ]
        self._places = [_place_of_rows(one, two) for one, two in zip(*shapes, strict=True)]

    def split(self, state: Any, rows: slice) -> Any:
        """Return the state of some rows."""
        parts = []
        for tensor, place in zip(tf.nest.flatten(state), self._places, strict=True):
            if place is None:
                parts.append(tensor)
                continue
            axis, of_a_row = place
            here = [slice(None)] * axis + [slice(rows.start * of_a_row, rows.stop * of_a_row)]
            parts.append(tensor[tuple(here)])
        return tf.nest.pack_sequence_as(state, parts)

    def join(self, parts: Sequence[Any]) -> Any:
        """Return the state of all rows."""
        flat = [tf.nest.flatten(part) for part in parts]
        joined = [
            tensors[-1] if place is None else tf.concat(tensors, axis=place[0])
            for place, *tensors in zip(self._places, *flat, strict=True)
        ]
        return tf.nest.pack_sequence_as(parts[0], joined)


def _place_of_rows(for_one: Sequence[int], for_two: Sequence[int]) -> tuple[int, int] | None:
    """Return the axis of the rows and how much of it is one row's; None if there is no such axis.

    Heads may be folded into the axis of the batch.
    """
    for axis, (one, two) in enumerate(zip(for_one, for_two, strict=True)):
        if one != two:
            return axis, two - one
    return None


def computed_after(tensor: Any, earlier: Sequence[Any] | None) -> Any:
    """Return `tensor`, available only once the tensors `earlier` are.

    Without it a graph may run all micro-batches at once, and would keep the activations of all.
    """
    if earlier is None:
        return tensor
    with tf.control_dependencies(list(earlier)):
        return tf.identity(tensor)
