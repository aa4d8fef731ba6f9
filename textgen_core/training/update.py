"""What a step compiles: forward, backward, clipping and the update of the weights.

How it is compiled, and what is done where memory is short, is up to `step`. A batch may come in
micro-batches, which are rows of it: their losses are summed and divided by the tokens of the whole,
so that loss and gradient are those of the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from textgen_core.config.settings import TrainingSettings
from textgen_core.errors import PluginFailure, component_errors
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.loss import (
    PADDING,
    Loss,
    chunk_rows,
    cross_entropy,
    projected_cross_entropy,
)
from textgen_core.training.recurrent_state import RecurrentState

# What an allocation that failed is called where it is not a ResourceExhaustedError.
_EXHAUSTED = ("RESOURCE_EXHAUSTED", "out of memory", "Out of memory", "ALLOC_FAILED")


class StepResult(NamedTuple):
    """What a step found: the summed plain loss in nats, its tokens, the norm, and the verdict.

    The values are tensors, so that the caller decides when to wait for them.
    """

    loss_sum: Any
    tokens: Any
    gradient_norm: Any
    finite: Any


class Update:
    """A function from batches and recurrent state to a StepResult and the state after it.

    recurrent_state: None where windows stand alone. micro_batches: how many each batch is computed
    in. jit_regions: whether XLA compiles what lies between the large products, in a graph that it
    does not compile as a whole. scales_loss: whether the optimizer wants the loss scaled, for
    float16. updates_begun: counts the updates of the weights that have begun: one that ended in an
    error was not counted, or left the weights half updated.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        optimizer: Any,
        settings: TrainingSettings,
        *,
        recurrent_state: RecurrentState | None,
        model_name: str,
    ) -> None:
        self._language_model = language_model
        self._model = language_model.model
        self._optimizer = optimizer
        self._settings = settings
        self._model_name = model_name
        self.scales_loss = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        self.recurrent_state = recurrent_state
        self.micro_batches = 1
        self.jit_regions = False
        self.updates_begun = tf.Variable(0, dtype=tf.int64, trainable=False)

    def __call__(
        self, inputs: Any, targets: Any, resets: Any, state: Any, count_logits: Any = None
    ) -> Any:
        """inputs, targets: int32 `(batches, batch, time)`; resets: bool `(batches,)`.

        count_logits: float32 `(batches, batch, time, vocabulary)`, which are added to the network's
        logits; None where it is trained alone.
        """
        inputs, targets = tf.convert_to_tensor(inputs), tf.convert_to_tensor(targets)
        batches, batch_size, _ = inputs.shape
        counted = tf.cast(targets != PADDING, tf.float32)
        tokens = tf.maximum(tf.reduce_sum(counted), 1.0)
        gradients, loss_sum = None, tf.zeros(())
        recurrent: Any = self.recurrent_state
        splits = recurrent is not None and self.micro_batches > 1
        for index in range(batches):
            states = []
            for rows in micro_batch_rows(batch_size, self.micro_batches):
                some = _computed_after(inputs[index, rows], gradients)
                after = recurrent.split(state, rows) if splits else state
                if recurrent is not None:
                    after = recurrent.before_batch(after, some, resets[index])
                counts = None
                if count_logits is not None:
                    counts = _computed_after(count_logits, gradients)[index, rows]
                with tf.GradientTape() as tape:
                    loss, after = self._loss(some, targets[index, rows], after, counts)
                    share = (rows.stop - rows.start) / (batches * batch_size)
                    objective = loss.objective / tokens + self._extra_losses() * share
                    if self.scales_loss:
                        objective = self._optimizer.scale_loss(objective)
                gradients = self._added(gradients, tape, objective)
                loss_sum += loss.plain
                states.append(after)
            state = recurrent.join(states) if splits else states[0]
        clip_and_apply = self._clip_and_apply
        if self.jit_regions:
            clip_and_apply = tf.function(clip_and_apply, jit_compile=True, autograph=False)
        norm, finite = clip_and_apply(gradients, loss_sum)
        return StepResult(loss_sum, tokens, norm, finite), state

    def _added(self, gradients: Any, tape: Any, objective: Any) -> list[Any]:
        """Return the gradients so far with those of another objective."""
        variables = self._model.trainable_variables
        found = tape.gradient(objective, [variable.value for variable in variables])
        dense = [
            tf.zeros_like(variable.value) if each is None else tf.convert_to_tensor(each)
            for each, variable in zip(found, variables, strict=True)
        ]
        if gradients is None:
            return dense
        return [one + other for one, other in zip(gradients, dense, strict=True)]

    def _loss(self, inputs: Any, targets: Any, state: Any, count_logits: Any) -> tuple[Loss, Any]:
        smoothing = self._settings.label_smoothing
        rows = inputs.shape[0] * inputs.shape[1]
        rows_at_once = chunk_rows(rows, self._language_model.vocabulary_size)
        if not hasattr(self._model, "project") or rows_at_once == rows:
            logits, state = self._outputs(inputs, state)
            return cross_entropy(logits, targets, smoothing, count_logits), state
        if count_logits is not None:
            count_logits = tf.reshape(count_logits, (rows, count_logits.shape[-1]))
        hidden, state = self._outputs(inputs, state, project=False)
        loss = projected_cross_entropy(
            tf.reshape(hidden, (rows, hidden.shape[-1])),
            self._model.project,
            tf.reshape(targets, (rows,)),
            rows_at_once=rows_at_once,
            label_smoothing=smoothing,
            count_logits=count_logits,
            compiled=self.jit_regions,
        )
        return loss, state

    def _outputs(self, inputs: Any, state: Any, **project: bool) -> tuple[Any, Any]:
        with _model_errors(self._model_name):
            if self.recurrent_state is None:
                return self._model(inputs, training=True, **project), state
            before = self.recurrent_state.model_state(state)
            outputs, after = self._model.advance(inputs, before, training=True, **project)
            return outputs, self.recurrent_state.after_batch(state, after, inputs)

    def _extra_losses(self) -> Any:
        losses = self._model.losses
        return tf.add_n([tf.cast(each, tf.float32) for each in losses]) if losses else tf.zeros(())

    def _clip_and_apply(self, gradients: Any, loss_sum: Any) -> tuple[Any, Any]:
        variables = self._model.trainable_variables
        scale = tf.ones(())
        if self.scales_loss:
            scale = 1.0 / tf.cast(self._optimizer.scale_loss(tf.ones(())), tf.float32)
        norm = tf.linalg.global_norm(gradients) * scale
        if self._settings.clip_norm is not None:
            factor = tf.minimum(1.0, self._settings.clip_norm / tf.maximum(norm, 1e-12))
            gradients = [each * tf.cast(factor, each.dtype) for each in gradients]
        if self.scales_loss:
            # It leaves steps out whose gradient overflows, by design, and lowers its scale.
            self._apply(gradients, variables)
            return norm, tf.math.is_finite(loss_sum)
        finite = tf.math.is_finite(loss_sum) & tf.math.is_finite(norm)
        tf.cond(finite, lambda: self._apply(gradients, variables), lambda: tf.constant(0, tf.int32))
        return norm, finite

    def _apply(self, gradients: Any, variables: Any) -> Any:
        # Counted first: if memory fails half-way, the weights are half updated.
        with tf.control_dependencies([self.updates_begun.assign_add(1)]):
            self._optimizer.apply(gradients, variables)
        return tf.constant(1, tf.int32)


@contextmanager
def _model_errors(name: str) -> Iterator[None]:
    """Name the model in what it raises, but let an error pass that says memory was short."""
    try:
        with component_errors(name):
            yield
    except PluginFailure as failure:
        if failure.__cause__ is not None and is_exhaustion(failure.__cause__):
            raise failure.__cause__ from None
        raise


def is_exhaustion(error: BaseException) -> bool:
    """Return whether an error says that memory was short."""
    if isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
        return True
    is_internal = isinstance(error, tf.errors.InternalError)
    return is_internal and any(phrase in str(error) for phrase in _EXHAUSTED)


def micro_batch_rows(rows: int, micro_batches: int) -> list[slice]:
    """Return so many slices of `rows`, of nearly one size, in order."""
    borders = [rows * number // micro_batches for number in range(micro_batches + 1)]
    return [slice(first, last) for first, last in pairwise(borders)]


def _computed_after(tensor: Any, earlier: Sequence[Any] | None) -> Any:
    """Return `tensor`, available only once the tensors `earlier` are.

    Without it a graph may run all micro-batches at once, and would keep the activations of all.
    """
    if earlier is None:
        return tensor
    with tf.control_dependencies(list(earlier)):
        return tf.identity(tensor)
