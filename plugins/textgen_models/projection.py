"""Token embeddings and matrix products on the last axis, shared by both models."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


def sizes(tensor: Any) -> list[Any]:
    """Return the sizes of a tensor's axes: numbers, and scalar tensors where none is known yet.

    Numbers need no operations, and those of shapes were a third of a small program's.
    """
    known = tensor.shape.as_list()
    if None not in known:
        return known  # type: ignore[no-any-return]
    found = tf.unstack(tf.shape(tensor))
    return [one if size is None else size for size, one in zip(known, found, strict=True)]


def last_axis_product(inputs: Any, matrix: Any, transpose: bool = False) -> Any:
    """Multiply the last axis of `inputs` with `matrix`, in the dtype of `inputs`.

    One flat product: a broadcast one would make a gradient of the matrix for every row of a batch.
    """
    matrix = tf.cast(matrix, inputs.dtype)
    width = matrix.shape[1] if transpose else matrix.shape[0]
    flat = tf.matmul(tf.reshape(inputs, (-1, width)), matrix, transpose_b=transpose)
    return tf.reshape(flat, [*sizes(inputs)[:-1], flat.shape[-1]])


class Projection(keras.layers.Layer):
    """A matrix on the last axis, with a bias where a bias initialiser is given."""

    def __init__(self, units: int, kernel: Any, bias: Any = None, *, name: str) -> None:
        super().__init__(name=name)
        self.units = units
        self.kernel_initialiser = keras.initializers.get(kernel)
        self.bias_initialiser = None if bias is None else keras.initializers.get(bias)

    def build(self, input_shape: Any) -> None:
        """Create the kernel `(width, units)` and the bias `(units,)`."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer=self.kernel_initialiser, name="kernel"
        )
        self.bias = None
        if self.bias_initialiser is not None:
            self.bias = self.add_weight(
                shape=(self.units,), initializer=self.bias_initialiser, name="bias"
            )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return `(..., units)` of `(..., width)`."""
        return (*input_shape[:-1], self.units)

    def product(self, inputs: Any) -> Any:
        """Return `(..., units)` of `(..., width)` without the bias."""
        return last_axis_product(inputs, self.kernel)

    def call(self, inputs: Any) -> Any:
        """Return `(..., units)` of `(..., width)`."""
        outputs = self.product(inputs)
        return outputs if self.bias is None else outputs + tf.cast(self.bias, outputs.dtype)


class TokenEmbedding(keras.layers.Layer):
    """A vector for each token id; the same matrix can also turn hidden vectors into logits."""

    def __init__(self, vocabulary_size: int, width: int, initialiser: Any, *, name: str) -> None:
        super().__init__(name=name)
        self.vocabulary_size = vocabulary_size
        self.width = width
        self.initialiser = keras.initializers.get(initialiser)

    def build(self, input_shape: Any) -> None:  # noqa: ARG002 - the ids' shape does not matter
        """Create the matrix `(vocabulary, width)`."""
        self.embeddings = self.add_weight(
            shape=(self.vocabulary_size, self.width),
            initializer=self.initialiser,
            autocast=False,  # rows are cast after the look-up, not the whole matrix before it
            name="embeddings",
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return `(batch, time, width)` of `(batch, time)`."""
        return (*input_shape, self.width)

    def call(self, token_ids: Any) -> Any:
        """Return `(batch, time, width)` of integer `(batch, time)`.

        Raises TypeError for other dtypes: rounded to bfloat16, ids would be other tokens.
        """
        if not tf.as_dtype(token_ids.dtype).is_integer:
            raise TypeError(f"token ids must be integers, not {tf.as_dtype(token_ids.dtype).name}")
        rows = tf.gather(tf.convert_to_tensor(self.embeddings), token_ids)
        return tf.cast(rows, self.compute_dtype)

    def logits(self, hidden: Any) -> Any:
        """Return the product of `(..., width)` with the transposed matrix."""
        return last_axis_product(hidden, self.embeddings, transpose=True)


class TiedOutput(keras.layers.Layer):
    """The bias of an output that shares its matrix with the token embeddings."""

    def __init__(self, vocabulary_size: int, bias: Any, *, name: str) -> None:
        super().__init__(name=name)
        self.vocabulary_size = vocabulary_size
        self.bias_initialiser = keras.initializers.get(bias)

    def build(self, input_shape: Any) -> None:  # noqa: ARG002 - the vocabulary is known
        """Create the bias `(vocabulary,)`."""
        self.bias = self.add_weight(
            shape=(self.vocabulary_size,), initializer=self.bias_initialiser, name="bias"
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the logits, unchanged."""
        return input_shape

    def call(self, logits: Any) -> Any:
        """Add the bias to `(..., vocabulary)`."""
        return logits + tf.cast(self.bias, logits.dtype)
