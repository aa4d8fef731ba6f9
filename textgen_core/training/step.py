"""One update of the weights: a compiled function from batches to a loss.

Forward, backward, clipping and the update are one function, under XLA where it helps. A step whose
loss or gradient is not finite changes nothing. This module knows nothing about epochs, schedules,
files or what a run prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import keras
import numpy as np
import tensorflow as tf

from textgen_core.data.batches import Batch
from textgen_core.errors import ConfigurationError, OutOfMemory, PluginFailure
from textgen_core.generation.failures import reason_of, reported
from textgen_core.generation.loop import UNCOMPILABLE
from textgen_core.language_model import LanguageModel
from textgen_core.settings import TrainingSettings
from textgen_core.training.carry import Carrier
from textgen_core.training.loss import (
    Loss,
    chunk_rows,
    cross_entropy,
    projected_cross_entropy,
)


@attrs.frozen(kw_only=True)
class StepResult:
    """What a step found: the summed plain loss in nats, its tokens, the norm, and the verdict.

    The values are tensors, so that the caller decides when to wait for them.
    """

    loss_sum: Any
    tokens: Any
    gradient_norm: Any
    finite: Any


class TrainingStep:
    """The compiled step of a model with its optimizer.

    `compiled_with` is "xla", "graph" or "eager"; `note` says why it is not what was asked for.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        optimizer: Any,
        settings: TrainingSettings,
        *,
        carries_state: bool,
        model_name: str = "The model",
    ) -> None:
        """Prepare a step; `model_name` begins the message of a model that fails."""
        self._language_model = language_model
        self._model = language_model.model
        self._optimizer = optimizer
        self._settings = settings
        self._model_name = model_name
        self._carrier = Carrier(language_model) if carries_state else None
        self._scales_loss = hasattr(optimizer, "scale_loss") and isinstance(
            optimizer, keras.optimizers.LossScaleOptimizer
        )
        self.compiled_with, self.note = self._choose_compilation()
        self._update = self._compile()
        self.carry: Any = None

    def __call__(self, batches: Sequence[Batch], learning_rate: float) -> StepResult:
        """Update the weights from one or more batches, whose gradients are added up."""
        self._inner_optimizer.learning_rate.assign(learning_rate)
        inputs = np.stack([batch.inputs for batch in batches])
        targets = np.stack([batch.targets for batch in batches])
        afresh = np.array([batch.starts_afresh for batch in batches])
        if self.carry is None:
            self.carry = self.initial_carry(inputs.shape[1])
        result, self.carry = self._first_or_next(inputs, targets, afresh)
        return StepResult(**result)

    def initial_carry(self, batch_size: int) -> Any:
        """Return the carry before the first batch; None where windows stand for themselves."""
        return None if self._carrier is None else self._carrier.initial(batch_size)

    @property
    def _inner_optimizer(self) -> Any:
        return self._optimizer.inner_optimizer if self._scales_loss else self._optimizer

    def _first_or_next(self, inputs: Any, targets: Any, afresh: Any) -> Any:
        try:
            return self._update(inputs, targets, afresh, self.carry)
        except tf.errors.ResourceExhaustedError as error:
            raise OutOfMemory(
                f"A batch of {inputs.shape[1]} x {inputs.shape[2]} tokens does not fit into memory "
                "with this model.",
                advice="Try a smaller --batch-size or data.sequence_length, or training.recompute.",
            ) from error
        except UNCOMPILABLE as error:
            cause = reason_of(error)[:200]
            if self.compiled_with != "xla":
                raise PluginFailure(f"{self._model_name} failed in training: {cause}") from error
            if self._settings.compile == "xla":  # only where nobody asked for it may it fall back
                raise ConfigurationError(
                    f"training.compile cannot be xla with this model: {cause}",
                    "Allowed with it: auto, graph, eager.",
                ) from error
            self.compiled_with = "graph"
            self.note = f"XLA cannot compile this model, so the step runs as a graph: {cause}"
            self._update = self._compile()
            return self._first_or_next(inputs, targets, afresh)

    def _choose_compilation(self) -> tuple[str, str]:
        wanted = self._settings.compile
        if wanted != "auto":
            return wanted, ""
        without = [layer.name for layer in self._model.layers if not layer.supports_jit]
        if without:
            return (
                "graph",
                f"The layer {without[0]} cannot run under XLA: the step runs as a graph.",
            )
        return "xla", ""

    def _compile(self) -> Any:
        if self.compiled_with == "eager":
            return self._accumulate_and_apply
        return tf.function(
            self._accumulate_and_apply,
            jit_compile=self.compiled_with == "xla",
            autograph=False,  # errors keep their class, and Keras models do not rely on it
        )

    # ---- inside the compiled function ---------------------------------------------------

    def _accumulate_and_apply(self, inputs: Any, targets: Any, afresh: Any, carry: Any) -> Any:
        """inputs, targets: int32 `(batches, batch, time)`; afresh: bool `(batches,)`."""
        inputs, targets = tf.convert_to_tensor(inputs), tf.convert_to_tensor(targets)
        variables = self._model.trainable_variables
        tokens = tf.maximum(tf.reduce_sum(tf.cast(targets != 0, tf.float32)), 1.0)
        gradients, plain = None, tf.zeros(())
        for index in range(inputs.shape[0]):
            if self._carrier is not None:
                carry = self._carrier.before(carry, inputs[index], afresh[index])
            with tf.GradientTape() as tape:
                loss, carry = self._loss(inputs[index], targets[index], carry)
                objective = loss.objective / tokens + self._extra_losses() / inputs.shape[0]
                if self._scales_loss:
                    objective = self._optimizer.scale_loss(objective)
            found = tape.gradient(objective, [variable.value for variable in variables])
            dense = [
                tf.zeros_like(variable.value) if each is None else tf.convert_to_tensor(each)
                for each, variable in zip(found, variables, strict=True)
            ]
            gradients = (
                dense
                if gradients is None
                else [one + other for one, other in zip(gradients, dense, strict=True)]
            )
            plain += loss.plain
        norm, finite = self._clip_and_apply(gradients, variables, plain)
        found = {"loss_sum": plain, "tokens": tokens, "gradient_norm": norm, "finite": finite}
        return found, carry

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
        )
        return loss, carry

    def _outputs(self, inputs: Any, carry: Any, **project: bool) -> tuple[Any, Any]:
        with reported(self._model_name):
            if self._carrier is None:
                return self._model(inputs, training=True, **project), carry
            state = self._carrier.state(carry)
            outputs, state = self._model.advance(inputs, state, training=True, **project)
            return outputs, self._carrier.after(carry, state, inputs)

    def _extra_losses(self) -> Any:
        losses = self._model.losses
        return tf.add_n([tf.cast(each, tf.float32) for each in losses]) if losses else tf.zeros(())

    def _clip_and_apply(self, gradients: Any, variables: Any, plain: Any) -> tuple[Any, Any]:
        scale = tf.ones(())
        if self._scales_loss:
            scale = 1.0 / tf.cast(self._optimizer.scale_loss(tf.ones(())), tf.float32)
        norm = tf.linalg.global_norm(gradients) * scale
        if self._settings.clip_norm is not None:
            factor = tf.minimum(1.0, self._settings.clip_norm / tf.maximum(norm, 1e-12))
            gradients = [each * tf.cast(factor, each.dtype) for each in gradients]
        if self._scales_loss:
            # It leaves steps out whose gradient overflows, by design, and lowers its scale.
            self._optimizer.apply(gradients, variables)
            return norm, tf.math.is_finite(plain)
        finite = tf.math.is_finite(plain) & tf.math.is_finite(norm)
        tf.cond(
            finite,
            lambda: self._apply(gradients, variables),
            lambda: tf.constant(0, tf.int32),
        )
        return norm, finite

    def _apply(self, gradients: Any, variables: Any) -> Any:
        self._optimizer.apply(gradients, variables)
        return tf.constant(1, tf.int32)
