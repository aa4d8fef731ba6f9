"""One layer of LSTM: Keras' own weights, run by our loop or, on a GPU, by cuDNN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import keras
import tensorflow as tf

from textgen_models.dropout import drop
from textgen_models.projection import last_axis_product
from textgen_models.recurrence import lstm_over_time

Implementation = Literal["auto", "loop", "cudnn"]


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))


class LSTMLayer(keras.layers.Layer):
    """A `keras.layers.LSTM`, in weights and meaning, on time-major sequences with a given state.

    Weights, states and the cell's arithmetic are float32 under any dtype policy; the loop's
    large products, with all inputs and outputs at once, are done in the dtype of the inputs.
    """

    def __init__(
        self,
        lstm: keras.layers.LSTM,
        recurrent_dropout: float = 0.0,
        implementation: Implementation = "auto",
        gpu: Callable[[], bool] = has_gpu,
        *,
        name: str,
    ) -> None:
        super().__init__(name=name, dtype="float32", autocast=False)
        self.lstm = lstm
        self.recurrent_dropout = recurrent_dropout
        self.uses_cudnn = implementation == "cudnn" or (
            implementation == "auto" and not recurrent_dropout and gpu()
        )
        self.supports_jit = not self.uses_cudnn  # XLA has no cuDNN recurrence

    def build(self, input_shape: Any) -> None:
        """Create the weights of the Keras layer."""
        self.lstm.build((None, None, input_shape[-1]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs, as the model's summary shows it."""
        return (*input_shape[:-1], self.lstm.units)

    def call(
        self, inputs: Any, hidden: Any, cell: Any, seed: Any = None, compiled: bool = False
    ) -> Any:
        """Return outputs `(time, batch, units)` and the last hidden and cell states, float32.

        inputs: `(time, batch, width)`; hidden, cell: float32 `(batch, units)`; seed: int32 `(3,)`
        for the recurrent dropout, None outside training; compiled: see `lstm_over_time`.
        """
        # A single step gains nothing from cuDNN, and without it generation can be compiled.
        if self.uses_cudnn and inputs.shape[0] != 1:
            return self._run_keras(inputs, hidden, cell)
        weights = self.lstm.cell
        projected = last_axis_product(inputs, weights.kernel)
        mask = None
        if seed is not None and self.recurrent_dropout:
            mask = drop(tf.ones_like(hidden), self.recurrent_dropout, seed)
        recurrent_kernel = tf.convert_to_tensor(weights.recurrent_kernel)
        bias = tf.convert_to_tensor(weights.bias)
        return lstm_over_time(projected, recurrent_kernel, bias, hidden, cell, mask, compiled)

    def _run_keras(self, inputs: Any, hidden: Any, cell: Any) -> Any:
        sequences = tf.transpose(tf.cast(inputs, tf.float32), (1, 0, 2))
        outputs, hidden, cell = self.lstm(sequences, initial_state=[hidden, cell])
        return tf.transpose(outputs, (1, 0, 2)), hidden, cell
