"""What is compiled: forward, backward, clipping and the update of the weights, from batches.

A batch may be computed in parts, whose gradients are added up. This module knows nothing about
compilation, or about what is done where memory is short.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from textgen_core.config.settings import TrainingSettings
from textgen_core.errors import PluginFailure, component_errors
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.gradient_accumulation import RowSplitter, after, is_exhaustion, row_parts
from textgen_core.training.loss import (
    Loss,
    chunk_rows,
    cross_entropy,
    projected_cross_entropy,
)
from textgen_core.training.recurrent_state import Carrier


class Update:
    """A function from batches and carry to what a step found and the carry after it.

    `carrier` is None where windows stand for themselves. `islands`: whether XLA compiles what lies
    between the large products, in a graph that it does not compile as a whole. `begun` counts the
    updates of the weights that have begun: one that ended in an error was not counted, or left the
    weights half updated.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        optimizer: Any,
        settings: TrainingSettings,
        *,
        carrier: Carrier | None,
        model_name: str,
    ) -> None:
        self._language_model = language_model
        self._model = language_model.model
        self._optimizer = optimizer
        self._settings = settings
        self._model_name = model_name
        self._scales_loss = scales_loss(optimizer)
        self._splitter: RowSplitter | None = None
        self.carrier = carrier
        self.micro_batches = 1
        self.islands = False
        self.begun = tf.Variable(0, dtype=tf.int64, trainable=False)

    def split(self, micro_batches: int) -> None:
        """Compute each batch in so many parts from now on; it has to be compiled again."""
        self.micro_batches = micro_batches
        if self.carrier is not None and self._splitter is None:
            self._splitter = RowSplitter(self.carrier.initial)

    def __call__(self, inputs: Any, targets: Any, afresh: Any, carry: Any) -> Any:
        """inputs, targets: int32 `(batches, batch, time)`; afresh: bool `(batches,)`."""
        inputs, targets = tf.convert_to_tensor(inputs), tf.convert_to_tensor(targets)
        tokens = tf.maximum(tf.reduce_sum(tf.cast(targets != 0, tf.float32)), 1.0)
        gradients, plain = None, tf.zeros(())
        for index in range(inputs.shape[0]):
            carries = []
            for rows in row_parts(inputs.shape[1], self.micro_batches):
                part = self._part(carry, rows)
                part_inputs = after(inputs[index, rows], gradients)
                if self.carrier is not None:
                    part = self.carrier.before(part, part_inputs, afresh[index])
                with tf.GradientTape() as tape:
                    loss, part = self._loss(part_inputs, targets[index, rows], part)
                    share = (rows.stop - rows.start) / (inputs.shape[0] * inputs.shape[1])
                    objective = loss.objective / tokens + self._extra_losses() * share
                    if self._scales_loss:
                        objective = self._optimizer.scale_loss(objective)
                gradients = self._added(gradients, tape, objective)
                plain += loss.plain
                carries.append(part)
            carry = self._joined(carries)
        clip_and_apply = self._clip_and_apply
        if self.islands:
            clip_and_apply = tf.function(clip_and_apply, jit_compile=True, autograph=False)
        norm, finite = clip_and_apply(gradients, plain)
        found = {"loss_sum": plain, "tokens": tokens, "gradient_norm": norm, "finite": finite}
        return found, carry

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

    def _part(self, carry: Any, rows: slice) -> Any:
        return carry if self._splitter is None else self._splitter.part(carry, rows)

    def _joined(self, parts: Sequence[Any]) -> Any:
        return parts[0] if self._splitter is None else self._splitter.join(parts)

    def _loss(self, inputs: Any, targets: Any, carry: Any) -> tuple[Loss, Any]:
        smoothing = self._settings.label_smoothing
        rows = inputs.shape[0] * inputs.shape[1]
        rows_at_once = chunk_rows(rows, self._language_model.vocabulary_size)
        if not hasattr(self._model, "project") or rows_at_once == rows:
            logits, carry = self._outputs(inputs, carry)
            return cross_entropy(logits, targets, smoothing), carry
        hidden, carry = self._outputs(inputs, carry, project=False)
        loss = projected_cross_entropy(
            tf.reshape(hidden, (rows, hidden.shape[-1])),
            self._model.project,
            tf.reshape(targets, (rows,)),
            rows_at_once=rows_at_once,
            label_smoothing=smoothing,
            compiled=self.islands,
        )
        return loss, carry

    def _outputs(self, inputs: Any, carry: Any, **project: bool) -> tuple[Any, Any]:
        with _reported_unless_exhausted(self._model_name):
            if self.carrier is None:
                return self._model(inputs, training=True, **project), carry
            state = self.carrier.state(carry)
            outputs, state = self._model.advance(inputs, state, training=True, **project)
            return outputs, self.carrier.after(carry, state, inputs)

    def _extra_losses(self) -> Any:
        losses = self._model.losses
        return tf.add_n([tf.cast(each, tf.float32) for each in losses]) if losses else tf.zeros(())

    def _clip_and_apply(self, gradients: Any, plain: Any) -> tuple[Any, Any]:
        variables = self._model.trainable_variables
        scale = tf.ones(())
        if self._scales_loss:
            scale = 1.0 / tf.cast(self._optimizer.scale_loss(tf.ones(())), tf.float32)
        norm = tf.linalg.global_norm(gradients) * scale
        if self._settings.clip_norm is not None:
            factor = tf.minimum(1.0, self._settings.clip_norm / tf.maximum(norm, 1e-12))
            gradients = [each * tf.cast(factor, each.dtype) for each in gradients]
        if self._scales_loss:
            # It leaves steps out whose gradient overflows, by design, and lowers its scale.
            self._apply(gradients, variables)
            return norm, tf.math.is_finite(plain)
        finite = tf.math.is_finite(plain) & tf.math.is_finite(norm)
        tf.cond(
            finite,
            lambda: self._apply(gradients, variables),
            lambda: tf.constant(0, tf.int32),
        )
        return norm, finite

    def _apply(self, gradients: Any, variables: Any) -> Any:
        # Counted first: where memory fails in the middle of it, the weights are half updated.
        with tf.control_dependencies([self.begun.assign_add(1)]):
            self._optimizer.apply(gradients, variables)
        return tf.constant(1, tf.int32)


def scales_loss(optimizer: Any) -> bool:
    """Return whether an optimizer wants its loss scaled, as float16 needs it."""
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


@contextmanager
def _reported_unless_exhausted(name: str) -> Iterator[None]:
    """Name the model in what it raises, but let an error pass that says that memory was short."""
    try:
        with component_errors(name):
            yield
    except PluginFailure as failure:
        if failure.__cause__ is not None and is_exhaustion(failure.__cause__):
            raise failure.__cause__ from None
        raise
