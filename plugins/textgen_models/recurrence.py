"""An LSTM over time that trains several times as fast as a plain loop: see `lstm_over_time`.

Time comes first here, `(time, batch, width)`, so that a step reads one contiguous piece.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


def lstm_over_time(
    projected: Any,
    recurrent_kernel: Any,
    bias: Any,
    hidden: Any,
    cell: Any,
    mask: Any = None,
    compiled: bool = False,
) -> tuple[Any, Any, Any]:
    """Run an LSTM (Hochreiter and Schmidhuber 1997, with forget gates) over projected inputs.

    projected: `(time, batch, 4 * units)`, inputs times kernel, of any float dtype; gates in Keras'
    order: input, forget, candidate, output. recurrent_kernel: `(units, 4 * units)`. bias:
    `(4 * units,)`. hidden, cell: `(batch, units)`. mask: `(batch, units)`, multiplied into the
    hidden state before the recurrent product of every step. All but `projected` are float32, as is
    what is computed. Returns the outputs `(time, batch, units)` and the last hidden and cell
    states; all have gradients but the mask.

    The gradient is written by hand: the loop backward keeps the gradients of the gates only, and
    that of the recurrent kernel is one large product after it, in the dtype of `projected`, not a
    sum of one in every step.

    compiled: whether XLA compiles the loops, and them alone, in a graph whose large products it
    leaves to oneDNN.
    """
    if projected.shape[0] == 1:
        summed = tf.cast(projected[0], hidden.dtype) + bias
        _, cell, hidden = _step(summed, recurrent_kernel, hidden, cell, mask)
        return hidden[None], hidden, cell
    forward, backward = (_FORWARD, _BACKWARD) if compiled else (_forward, _backward)

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def run(projected: Any, recurrent_kernel: Any, bias: Any, hidden: Any, cell: Any) -> Any:
        # At once: in its loop XLA takes longer to cast each piece than to multiply.
        wide = tf.cast(projected, hidden.dtype)
        outputs, cells, gates = forward(wide, recurrent_kernel, bias, hidden, cell, mask)

        def gradient(d_outputs: Any, d_hidden: Any, d_cell: Any) -> tuple[Any, ...]:
            turned = tf.transpose(recurrent_kernel)  # once: products with it run twice as fast
            d_gates, d_bias, d_hidden, d_cell = backward(
                turned, gates, cells, cell, d_hidden, d_cell, d_outputs, mask
            )
            d_gates = tf.cast(d_gates, projected.dtype)
            d_kernel = _kernel_gradient(outputs, hidden, d_gates, mask)
            return d_gates, d_kernel, d_bias, d_hidden, d_cell

        return (outputs, outputs[-1], cells[-1]), gradient

    outputs, hidden, cell = run(projected, recurrent_kernel, bias, hidden, cell)
    return outputs, hidden, cell


def _step(summed: Any, recurrent_kernel: Any, hidden: Any, cell: Any, mask: Any) -> Any:
    """Return the activated gates `(batch, 4 * units)`, the cell and the hidden state after a step.

    One hyperbolic tangent does for all gates, since `sigmoid(x) = tanh(x / 2) / 2 + 1 / 2`: twice
    as fast as one function for each.
    """
    if mask is not None:
        hidden = hidden * mask
    units = cell.shape[-1]
    scale = np.repeat(np.array([0.5, 0.5, 1.0, 0.5]), units).astype(cell.dtype.as_numpy_dtype)
    summed += tf.matmul(hidden, recurrent_kernel)
    gates = tf.tanh(summed * scale) * scale + (1 - scale)
    input_gate, forget_gate, candidate, output_gate = tf.split(gates, 4, axis=1)
    cell = forget_gate * cell + input_gate * candidate
    return gates, cell, output_gate * tf.tanh(cell)


def _forward(
    projected: Any, recurrent_kernel: Any, bias: Any, hidden: Any, cell: Any, mask: Any
) -> Any:
    """Return outputs and cells `(time, batch, units)` and gates `(time, batch, 4 * units)`."""
    steps = tf.shape(projected)[0]
    arrays = [tf.TensorArray(hidden.dtype, size=steps) for _ in range(3)]

    def body(time: Any, hidden: Any, cell: Any, *arrays: Any) -> tuple[Any, ...]:
        gates, cell, hidden = _step(projected[time] + bias, recurrent_kernel, hidden, cell, mask)
        values = (hidden, cell, gates)
        written = [array.write(time, value) for array, value in zip(arrays, values)]
        return (time + 1, hidden, cell, *written)

    _, _, _, *arrays = tf.while_loop(
        lambda time, *_: time < steps,
        body,
        (tf.constant(0), hidden, cell, *arrays),
        maximum_iterations=steps,
    )
    return _stacked(arrays, projected.shape)


def _backward(
    turned_kernel: Any,
    gates: Any,
    cells: Any,
    first_cell: Any,
    d_hidden: Any,
    d_cell: Any,
    d_outputs: Any,
    mask: Any,
) -> Any:
    """Return the gradients of the summed gates, over all time, of the bias and the first states.

    turned_kernel: the recurrent kernel, transposed.
    """
    steps = tf.shape(gates)[0]
    array = tf.TensorArray(gates.dtype, size=steps)

    def body(time: Any, d_bias: Any, d_hidden: Any, d_cell: Any, array: Any) -> tuple[Any, ...]:
        earlier_cell = tf.where(time > 0, cells[tf.maximum(time - 1, 0)], first_cell)
        d_gates, d_cell = _gate_gradients(
            (gates[time], cells[time], earlier_cell), d_hidden + d_outputs[time], d_cell
        )
        d_hidden = tf.matmul(d_gates, turned_kernel)
        if mask is not None:
            d_hidden *= mask
        d_bias += tf.reduce_sum(d_gates, axis=0)
        return time - 1, d_bias, d_hidden, d_cell, array.write(time, d_gates)

    _, d_bias, d_hidden, d_cell, array = tf.while_loop(
        lambda time, *_: time >= 0,
        body,
        (steps - 1, tf.zeros_like(gates[0, 0]), d_hidden, d_cell, array),
        maximum_iterations=steps,
    )
    return _stacked([array], gates.shape)[0], d_bias, d_hidden, d_cell


_FORWARD = tf.function(_forward, jit_compile=True, autograph=False)
_BACKWARD = tf.function(_backward, jit_compile=True, autograph=False)


def _gate_gradients(saved: Any, d_hidden: Any, d_cell: Any) -> tuple[Any, Any]:
    """Return the gradients of one step's summed gates and of the cell before it."""
    gates, cell, earlier_cell = saved
    input_gate, forget_gate, candidate, output_gate = tf.split(gates, 4, axis=1)
    squashed = tf.tanh(cell)
    d_cell += d_hidden * output_gate * (1 - squashed * squashed)
    d_gates = (
        d_cell * candidate * input_gate * (1 - input_gate),
        d_cell * earlier_cell * forget_gate * (1 - forget_gate),
        d_cell * input_gate * (1 - candidate * candidate),
        d_hidden * squashed * output_gate * (1 - output_gate),
    )
    return tf.concat(d_gates, axis=1), d_cell * forget_gate


def _kernel_gradient(outputs: Any, hidden: Any, d_gates: Any, mask: Any) -> Any:
    """Return the recurrent kernel's gradient: hidden states before each step, times its gates'.

    The large product is done in the dtype of `d_gates`. The first step stands apart: joining its
    state to the others would copy them all, slowly.
    """
    earlier = outputs[:-1]
    if mask is not None:
        hidden, earlier = hidden * mask, earlier * mask
    first = tf.matmul(hidden, tf.cast(d_gates[0], hidden.dtype), transpose_a=True)
    rest = tf.matmul(
        tf.cast(tf.reshape(earlier, (-1, outputs.shape[-1])), d_gates.dtype),
        tf.reshape(d_gates[1:], (-1, d_gates.shape[-1])),
        transpose_a=True,
    )
    return first + tf.cast(rest, first.dtype)


def _stacked(arrays: Any, shape: Any) -> list[Any]:
    """Stack arrays over time; their first two dimensions are those of `shape`."""
    tensors = [array.stack() for array in arrays]
    for tensor in tensors:
        tensor.set_shape([shape[0], shape[1], None])
    return tensors
