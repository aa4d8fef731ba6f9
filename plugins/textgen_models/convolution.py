"""A short causal convolution: each position sees a few positions before it, at next to no cost."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from textgen_models.projection import sizes


class CausalConvolution(keras.layers.Layer):
    """Adds to each feature a weighted sum of its own last `size` values.

    One weight for each feature and distance, all of them zero at the start, so that at first
    nothing changes. After the convolutions of So et al. 2021 ("Primer"), here with a residual
    connection and before each part of a block, as in Allen-Zhu 2025 ("Canon layers").
    """

    def __init__(self, size: int, *, name: str) -> None:
        super().__init__(name=name)
        self.size = size

    def build(self, input_shape: Any) -> None:
        """Create the kernel `(size, width)`; its last row is that of the position itself."""
        self.kernel = self.add_weight(
            shape=(self.size, input_shape[-1]), initializer="zeros", name="kernel"
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the inputs, unchanged."""
        return input_shape

    def call(self, inputs: Any, held: Any = None) -> tuple[Any, Any]:
        """Return `(batch, time, width)` of the same, and what the next call takes as `held`.

        held: the last `size - 1` inputs before these, `(batch, size - 1, width)`; None: zeros.
        """
        return convolved(inputs, tf.convert_to_tensor(self.kernel), held)


def convolved(inputs: Any, kernel: Any, held: Any = None) -> tuple[Any, Any]:
    """Return what a `CausalConvolution` does, given its kernel."""
    kernel = tf.cast(kernel, inputs.dtype)
    before, time = kernel.shape[0] - 1, sizes(inputs)[1]
    if held is None:
        seen = tf.pad(inputs, [[0, 0], [before, 0], [0, 0]])
    else:
        seen = tf.concat([held, inputs], axis=1)
    outputs = inputs
    if inputs.shape[1] == 1:  # a single sum is a third of the operations
        outputs += tf.reduce_sum(kernel * seen, axis=1, keepdims=True)
    else:
        for place, weight in enumerate(tf.unstack(kernel)):
            outputs += weight * seen[:, place : place + time]
    return outputs, seen[:, time:]
