"""A moving average of the weights: what a run is validated, written with and kept as.

The optimizer follows the average with each step. For a while the two change places, so that a model
with average weights is no other model; training goes on from the weights themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf


def begin_average(model: keras.Model, optimizer: Any) -> None:
    """Let the average be the weights as they are, before the first step."""
    for variable, average in _pairs(model, optimizer):
        average.assign(variable)


@contextmanager
def averaged(model: keras.Model, optimizer: Any) -> Iterator[None]:
    """Give the model the average of its weights in the block, if the optimizer follows one."""
    swap_average(model, optimizer)
    try:
        yield
    finally:
        swap_average(model, optimizer)


def swap_average(model: keras.Model, optimizer: Any) -> None:
    """Exchange the weights and their average; a checkpoint has them exchanged."""
    for variable, average in _pairs(model, optimizer):
        weights = tf.identity(variable.value)
        variable.assign(average)
        average.assign(weights)


def _pairs(model: keras.Model, optimizer: Any) -> list[tuple[Any, Any]]:
    """Return each weight with its average; none where no average is followed."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales the loss
    if not getattr(inner, "use_ema", False):
        return []
    averages = inner._model_variables_moving_average
    return list(zip(model.trainable_variables, averages, strict=True))
