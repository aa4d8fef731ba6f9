"""The gradients of all variables as one flat vector, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf


class GradientVector:
    """The order in which the loss and the gradients of variables lie in float32 `(size,)`."""

    def __init__(self, variables: Sequence[Any]) -> None:
        self._shapes = [tuple(variable.shape) for variable in variables]
        self._dtypes = [tf.as_dtype(variable.dtype) for variable in variables]
        self._sizes = [int(np.prod(shape)) for shape in self._shapes]
        self.size = 1 + sum(self._sizes)

    def pack(self, header: Any, loss_sum: Any, gradients: Sequence[Any]) -> Any:
        """Return a header, the loss and the gradients, one after the other."""
        flat = [tf.reshape(tf.cast(each, tf.float32), [-1]) for each in gradients]
        return tf.concat([header, tf.reshape(loss_sum, [1]), *flat], axis=0)

    def unpack(self, body: Any) -> tuple[Any, list[Any]]:
        """Return the loss and the gradients of a vector without its header."""
        loss_sum, *flat = tf.split(body, [1, *self._sizes])
        gradients = [
            tf.cast(tf.reshape(each, shape), dtype)
            for each, shape, dtype in zip(flat, self._shapes, self._dtypes, strict=True)
        ]
        return loss_sum[0], gradients
