"""What lies between two large products, compiled by XLA on its own.

A training step on a CPU may be a graph that leaves the large products to oneDNN, which XLA does not
know: twice as fast in bfloat16. Between them a graph would make a pass over memory for each small
operation; a region makes one for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def region(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled by XLA; in the backward pass it is computed again.

    It takes tensors and returns a tensor or a tuple of them, computes in float32, and gives its
    results the dtype of its first input. What it computes on the way is not kept: to compute it
    again, in the same pass, is cheaper than to write and read it.
    """

    def in_float32(*inputs: Any) -> Any:
        dtype = inputs[0].dtype
        wide = [tf.cast(each, tf.float32) if each.dtype.is_floating else each for each in inputs]
        return tf.nest.map_structure(lambda each: tf.cast(each, dtype), function(*wide))

    def gradients(inputs: Any, upstream: Any) -> Any:
        floating = [each for each in inputs if each.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(floating)
            outputs = in_float32(*inputs)
        return tape.gradient(
            outputs, floating, upstream, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    forward = _compiled(in_float32)
    backward = _compiled(gradients)

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def run(*inputs: Any) -> Any:
        def gradient(*upstream: Any) -> Any:
            found = iter(backward(inputs, upstream if len(upstream) > 1 else upstream[0]))
            return [next(found) if each.dtype.is_floating else None for each in inputs]

        return forward(*inputs), gradient

    return run  # type: ignore[no-any-return]


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = tf.function(function, jit_compile=True, autograph=False)
    return compiled
