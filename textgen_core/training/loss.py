"""Cross-entropy from logits, with label smoothing and padding left out.

No one-hot targets. For a model that offers `project`, the logits are computed for one chunk of
positions at a time, their gradient in the forward pass, so that only one chunk of them ever exists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import tensorflow as tf

PADDING = 0
Sums = tuple[Any, ...]  # objective, plain loss, tokens

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
    `cross_entropy` on all logits. compiled: whether XLA compiles what lies between the products, in
    a graph that it does not compile as a whole.
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


def _loss_and_gradient(logits: Any, targets: Any, label_smoothing: float) -> tuple[Any, Sums]:
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
) -> tuple[Sums, Any, dict[Any, Any]]:
    """Return the summed losses, and the gradients of the objective by position and by variable.

    The chunks are a loop: laid out one after the other, they would be computed, and kept, all at
    once. The first is outside it, since it shows what variables there are, and so is a smaller last
    one.
    """
    whole, rest = divmod(hidden.shape[0], rows_at_once)

    def chunk(start: Any, rows: int) -> _Chunk:
        # Slices of a shape that XLA knows: it has no fast code for others.
        part = tf.slice(hidden, (start, 0), (rows, hidden.shape[1]))
        targets_here = tf.slice(targets, (start,), (rows,))
        return _chunk(part, targets_here, project, loss_and_gradient)

    first = chunk(0, rows_at_once)
    sums, gradients = first.sums, first.gradients
    hidden_gradients = [first.hidden_gradient]
    if whole > 1:
        found = _looped(first, lambda number: chunk(number * rows_at_once, rows_at_once), whole)
        sums, gradients = found.sums, found.gradients
        hidden_gradients.append(found.hidden_gradient)
    if rest:
        last = chunk(whole * rows_at_once, rest)
        sums, gradients = _added(sums, last.sums), last.added_to(gradients)
        hidden_gradients.append(last.hidden_gradient)
    return sums, tf.concat(hidden_gradients, axis=0), gradients


@attrs.frozen(kw_only=True)
class _Chunk:
    """Sums of the loss over a chunk, and its gradients: by position, and by variable's `ref`."""

    sums: Sums
    hidden_gradient: Any
    gradients: dict[Any, Any]

    def added_to(self, gradients: dict[Any, Any]) -> dict[Any, Any]:
        return {key: value + self.gradients[key] for key, value in gradients.items()}


def _chunk(
    hidden: Any,
    targets: Any,
    project: Callable[[Any], Any],
    loss_and_gradient: Callable[[Any, Any], tuple[Any, Any]],
) -> _Chunk:
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        logits = project(hidden)
    upstream, sums = loss_and_gradient(logits, targets)
    variables = tape.watched_variables()
    hidden_gradient, own = tape.gradient(
        logits,
        [hidden, list(variables)],
        output_gradients=upstream,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    dense = [tf.convert_to_tensor(value) for value in own]
    gradients = {each.ref(): value for each, value in zip(variables, dense, strict=True)}
    return _Chunk(sums=sums, hidden_gradient=hidden_gradient, gradients=gradients)


def _looped(first: _Chunk, chunk: Callable[[Any], _Chunk], whole: int) -> _Chunk:
    """Return chunks 0 to `whole - 1` as one, but for the hidden gradient, which lacks chunk 0's."""
    shape = first.hidden_gradient.shape
    array = tf.TensorArray(first.hidden_gradient.dtype, size=whole - 1, element_shape=shape)

    def body(number: Any, sums: Any, values: Any, array: Any) -> tuple[Any, ...]:
        found = chunk(number)
        known = dict(zip(first.gradients, values, strict=True))
        values = list(found.added_to(known).values())
        written = array.write(number - 1, found.hidden_gradient)
        return number + 1, list(_added(sums, found.sums)), values, written

    _, sums, values, array = tf.while_loop(
        lambda number, *_: number < whole,
        body,
        (tf.constant(1), list(first.sums), list(first.gradients.values()), array),
        parallel_iterations=1,
        maximum_iterations=whole - 1,
    )
    return _Chunk(
        sums=tuple(sums),
        hidden_gradient=tf.reshape(array.stack(), ((whole - 1) * shape[0], shape[1])),
        gradients=dict(zip(first.gradients, values, strict=True)),
    )


def _added(sums: Sums, others: Sums) -> Sums:
    return tuple(one + other for one, other in zip(sums, others, strict=True))
