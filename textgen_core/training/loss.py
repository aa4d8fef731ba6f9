"""Cross-entropy from logits, with label smoothing and padding left out.

With one-hot targets nowhere, and for a model that offers `project` with the logits of one chunk of
positions at a time: their gradient is computed in the forward pass, so that no more than one chunk
of logits exists. This module knows nothing about optimizers or batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import tensorflow as tf

PADDING = 0
_CHUNK_LOGITS = 8_000_000  # numbers in a chunk of logits: 32 MB in float32


@attrs.frozen(kw_only=True)
class Loss:
    """Sums over the targets that are no padding, in nats: scalars, float32.

    objective: what training minimises, smoothed; plain: the cross-entropy itself; tokens: how many.
    """

    objective: Any
    plain: Any
    tokens: Any


def cross_entropy(logits: Any, targets: Any, label_smoothing: float = 0.0) -> Loss:
    """Return the loss of logits `(..., vocabulary)` against int32 targets `(...)`.

    Smoothing gives the share `e` of the target to all tokens alike (Szegedy et al. 2016):
    `logsumexp - (1 - e) * logit[target] - e * mean(logits)`.
    """
    logits = tf.cast(logits, tf.float32)
    counted = tf.cast(tf.not_equal(targets, PADDING), tf.float32)
    plain = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    objective = plain
    if label_smoothing:
        at_target = tf.gather(logits, targets, axis=-1, batch_dims=targets.shape.rank)
        mean = tf.reduce_mean(logits, axis=-1)
        objective = plain + label_smoothing * (at_target - mean)
    return Loss(
        objective=tf.reduce_sum(objective * counted),
        plain=tf.reduce_sum(plain * counted),
        tokens=tf.reduce_sum(counted),
    )


def chunk_rows(rows: int, vocabulary_size: int) -> int:
    """Return how many of `rows` positions to project at once, in chunks of nearly one size."""
    most = max(1, _CHUNK_LOGITS // vocabulary_size)
    chunks = -(-rows // most)
    return -(-rows // chunks)


def projected_cross_entropy(
    hidden: Any,
    project: Callable[[Any], Any],
    targets: Any,
    *,
    rows_at_once: int,
    label_smoothing: float = 0.0,
    compiled: bool = False,
) -> Loss:
    """Return the loss of `project(hidden)` without ever holding all logits.

    hidden: `(rows, width)`; targets: int32 `(rows,)`; the last chunk may be smaller. The
    gradients, with respect to `hidden` and to the variables that `project` reads, are those of
    `cross_entropy` on all logits. compiled: whether XLA compiles what is done between the products,
    in a graph that it does not compile as a whole.
    """

    between = _COMPILED_LOSS if compiled else _loss_and_gradient

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def summed(hidden: Any) -> Any:
        sums, hidden_gradient, gradients = _forward_and_gradients(
            hidden,
            project,
            targets,
            rows_at_once,
            lambda logits, targets: between(logits, targets, label_smoothing),
        )

        def gradient(objective: Any, plain: Any, tokens: Any, variables: Sequence[Any] = ()) -> Any:
            del plain, tokens  # reported, never minimised
            own = [objective * gradients[variable.ref()] for variable in variables]
            return tf.cast(objective, hidden_gradient.dtype) * hidden_gradient, own

        return sums, gradient

    objective, plain, tokens = summed(hidden)
    return Loss(objective=objective, plain=plain, tokens=tokens)


def _loss_and_gradient(
    logits: Any, targets: Any, label_smoothing: float
) -> tuple[Any, tuple[Any, Any, Any]]:
    """Return the gradient of the summed objective by the logits, and the sums of the loss."""
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = cross_entropy(logits, targets, label_smoothing)
    gradient = tape.gradient(loss.objective, logits)
    return gradient, (loss.objective, loss.plain, loss.tokens)


_COMPILED_LOSS = tf.function(_loss_and_gradient, jit_compile=True, autograph=False)


def _forward_and_gradients(
    hidden: Any,
    project: Callable[[Any], Any],
    targets: Any,
    rows_at_once: int,
    loss_and_gradient: Callable[[Any, Any], tuple[Any, Any]],
) -> tuple[tuple[Any, Any, Any], Any, dict[Any, Any]]:
    """Return the summed losses, and the gradients of the objective by position and by variable."""
    sums = (tf.zeros(()), tf.zeros(()), tf.zeros(()))
    hidden_gradients: list[Any] = []
    gradients: dict[Any, Any] = {}
    for start in range(0, hidden.shape[0], rows_at_once):
        chunk = hidden[start : start + rows_at_once]
        with tf.GradientTape() as tape:
            tape.watch(chunk)
            logits = project(chunk)
        upstream, found = loss_and_gradient(logits, targets[start : start + rows_at_once])
        variables = tape.watched_variables()
        chunk_gradient, own = tape.gradient(
            logits,
            [chunk, list(variables)],
            output_gradients=upstream,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        hidden_gradients.append(chunk_gradient)
        for variable, value in zip(variables, own, strict=True):
            known = gradients.get(variable.ref())
            dense = tf.convert_to_tensor(value)
            gradients[variable.ref()] = dense if known is None else known + dense
        sums = tuple(one + other for one, other in zip(sums, found, strict=True))
    return sums, tf.concat(hidden_gradients, axis=0), gradients
