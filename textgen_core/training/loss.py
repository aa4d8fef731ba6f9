"""Cross-entropy from logits, with label smoothing and padding left out.

No one-hot targets. For a model that offers `project`, the logits are computed for one chunk of
positions at a time, their gradient in the forward pass, so that only one chunk of them ever exists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

PADDING = 0
_CHUNK_LOGITS = 8_000_000  # numbers in a chunk of logits: 32 MB in float32


class Loss(NamedTuple):
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
    `cross_entropy` on all logits. compiled: whether XLA compiles what lies between the products, in
    a graph that it does not compile as a whole.
    """
    between = _COMPILED_LOSS if compiled else _loss_and_gradient

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def summed(hidden: Any) -> Any:
        loss, hidden_gradient, gradients = _forward_and_gradients(
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

        return tuple(loss), gradient

    return Loss(*summed(hidden))


def _loss_and_gradient(logits: Any, targets: Any, label_smoothing: float) -> tuple[Loss, Any]:
    """Return the loss, and the gradient of its objective by the logits."""
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = cross_entropy(logits, targets, label_smoothing)
    return loss, tape.gradient(loss.objective, logits)


_COMPILED_LOSS = tf.function(_loss_and_gradient, jit_compile=True, autograph=False)


def _forward_and_gradients(
    hidden: Any,
    project: Callable[[Any], Any],
    targets: Any,
    rows_at_once: int,
    loss_and_gradient: Callable[[Any, Any], tuple[Loss, Any]],
) -> tuple[Loss, Any, dict[Any, Any]]:
    """Return the loss, and the gradients of its objective by position and by variable's `ref`.

    The chunks are a loop: laid out one after the other, they would be computed, and kept, all at
    once. The first is outside it, since it shows what variables there are, and so is a smaller last
    one.
    """
    width = hidden.shape[1]
    whole, rest = divmod(hidden.shape[0], rows_at_once)

    def chunk(start: Any, rows: int, variables: Sequence[Any] | None = None) -> Any:
        # Slices of a shape that XLA knows: it has no fast code for others.
        part = tf.slice(hidden, (start, 0), (rows, width))
        targets_here = tf.slice(targets, (start,), (rows,))
        return _chunk(part, targets_here, project, loss_and_gradient, variables)

    variables, sums, first = chunk(0, rows_at_once)
    by_position = [first]
    if whole > 1:
        array = tf.TensorArray(first.dtype, size=whole - 1, element_shape=first.shape)

        def body(number: Any, sums: Any, array: Any) -> tuple[Any, ...]:
            _, more, found = chunk(number * rows_at_once, rows_at_once, variables)
            return number + 1, _added(sums, more), array.write(number - 1, found)

        _, sums, array = tf.while_loop(
            lambda number, *_: number < whole,
            body,
            (tf.constant(1), sums, array),
            parallel_iterations=1,
            maximum_iterations=whole - 1,
        )
        by_position.append(tf.reshape(array.stack(), ((whole - 1) * rows_at_once, width)))
    if rest:
        _, more, last = chunk(whole * rows_at_once, rest, variables)
        sums = _added(sums, more)
        by_position.append(last)
    loss, dense = sums
    by_variable = {each.ref(): value for each, value in zip(variables, dense, strict=True)}
    return loss, tf.concat(by_position, axis=0), by_variable


def _chunk(
    hidden: Any,
    targets: Any,
    project: Callable[[Any], Any],
    loss_and_gradient: Callable[[Any, Any], tuple[Loss, Any]],
    variables: Sequence[Any] | None,
) -> tuple[Sequence[Any], Any, Any]:
    """Return the variables that `project` reads, the sums of a chunk, and what is not summed.

    The sums are the loss and its gradients by variable; the rest is its gradient by position.
    variables: None where they are not known yet.
    """
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        logits = project(hidden)
    loss, upstream = loss_and_gradient(logits, targets)
    variables = tape.watched_variables() if variables is None else variables
    by_position, by_variable = tape.gradient(
        logits,
        [hidden, list(variables)],
        output_gradients=upstream,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return variables, (loss, list(map(tf.convert_to_tensor, by_variable))), by_position


def _added(sums: Any, more: Any) -> Any:
    return tf.nest.map_structure(tf.add, sums, more)
