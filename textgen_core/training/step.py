"""One update of the weights: a compiled function from batches to a loss.

Forward, backward, clipping and the update are one function, under XLA where it helps. A step whose
loss or gradient is not finite changes nothing, and one that does not fit into memory is taken again
in parts. This module knows nothing about epochs, schedules, files or what a run prints.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import tensorflow as tf

from textgen_core.config.settings import TrainingSettings
from textgen_core.data.batches import Batch
from textgen_core.errors import ConfigurationError, OutOfMemory, PluginFailure, reason_of
from textgen_core.models.devices import UNCOMPILABLE
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.gradient_accumulation import is_exhaustion
from textgen_core.training.recurrent_state import Carrier
from textgen_core.training.update import Update, scales_loss


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

    `compiled_with` is "xla", "graph", "eager" or "mixed": a graph in which XLA compiles what lies
    between the large products. `notes` says where it is not what was asked for,
    and where a batch did not fit into memory. `micro_batches` is the number of parts in which a
    batch is computed: each time that memory is short there are twice as many.
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
        self._model = language_model.model
        self._optimizer = optimizer
        self._settings = settings
        self._model_name = model_name
        self._whole = Update(
            language_model,
            optimizer,
            settings,
            carrier=Carrier(language_model) if carries_state else None,
            model_name=model_name,
        )
        self.compiled_with, note = self._choose_compilation()
        self._whole.islands = self.compiled_with == "mixed"
        self.notes: tuple[str, ...] = (note,) if note else ()
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
        before = self.micro_batches
        result, self.carry = self._first_or_next(inputs, targets, afresh)
        if self.micro_batches > before:
            self._note_parts(inputs.shape[1], inputs.shape[2], len(batches))
        return StepResult(**result)

    @property
    def note(self) -> str:
        """The latest of `notes`; empty if there is none."""
        return self.notes[-1] if self.notes else ""

    def initial_carry(self, batch_size: int) -> Any:
        """Return the carry before the first batch; None where windows stand for themselves."""
        carrier = self._whole.carrier
        return None if carrier is None else carrier.initial(batch_size)

    @property
    def micro_batches(self) -> int:
        """In how many parts a batch is computed."""
        return self._whole.micro_batches

    @property
    def _inner_optimizer(self) -> Any:
        scaled = scales_loss(self._optimizer)
        return self._optimizer.inner_optimizer if scaled else self._optimizer

    def _first_or_next(self, inputs: Any, targets: Any, afresh: Any) -> Any:
        before = self._what_a_failure_may_change()
        try:
            return self._update(inputs, targets, afresh, self.carry)
        except (tf.errors.ResourceExhaustedError, MemoryError, *UNCOMPILABLE) as error:
            if is_exhaustion(error):
                self._make_more_parts(inputs, before, error)
                return self._first_or_next(inputs, targets, afresh)
            cause = reason_of(error)[:200]
            if self.compiled_with != "xla":
                raise PluginFailure(f"{self._model_name} failed in training: {cause}") from error
            if self._settings.compile == "xla":  # only where nobody asked for it may it fall back
                raise ConfigurationError(
                    f"training.compile cannot be xla with this model: {cause}",
                    "Allowed with it: auto, graph, eager.",
                ) from error
            self.compiled_with = "graph"
            self.notes += (f"XLA cannot compile this model, so the step runs as a graph: {cause}",)
            self._update = self._compile()
            return self._first_or_next(inputs, targets, afresh)

    # ---- where memory is short --------------------------------------------------------------

    def _what_a_failure_may_change(self) -> tuple[Any, list[tuple[Any, Any]]]:
        """Return how many updates have begun, and the variables that a forward pass writes.

        These are few and small, such as the seeds of dropout.
        """
        written = self._model.non_trainable_variables
        return tf.identity(self._whole.begun), [(each, tf.identity(each.value)) for each in written]

    def _make_more_parts(self, inputs: Any, before: Any, error: Exception) -> None:
        """Have the batch computed in twice as many parts, with everything as it was before.

        Raises OutOfMemory where one row is too much, or the weights may be half updated.
        """
        rows, time = inputs.shape[1:]
        updates, written = before
        if self.micro_batches >= rows or int(updates) != int(self._whole.begun):
            raise OutOfMemory(
                f"A batch of {rows} x {time} tokens does not fit into memory with this model"
                + (", not even row by row." if self.micro_batches >= rows > 1 else "."),
                advice="Try a smaller --batch-size or data.sequence_length, or training.recompute.",
            ) from error
        for variable, value in written:
            variable.assign(value)
        self._whole.split(min(rows, 2 * self.micro_batches))
        self._update = self._compile()

    def _note_parts(self, rows: int, time: int, batches: int) -> None:
        parts = self.micro_batches
        self.notes += (
            f"A batch of {rows} x {time} tokens did not fit into memory: it is computed in {parts} "
            f"parts, whose gradients are added up. To choose so: --batch-size {-(-rows // parts)} "
            f"--set training.accumulate={parts * batches}, or training.recompute=true.",
        )

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
        if tf.config.list_logical_devices("GPU"):
            return "xla", ""
        # On a CPU XLA has no fast product in bfloat16, and no two of its loops run side by side.
        in_parts = hasattr(self._model, "parts") and (os.cpu_count() or 1) > 1
        if in_parts:
            self._model.parts = os.cpu_count()
        mixed = in_parts or self._model.compute_dtype == "bfloat16"
        return "mixed" if mixed else "xla", ""

    def _compile(self) -> Any:
        if self.compiled_with == "eager":
            return self._whole
        return tf.function(
            self._whole.__call__,
            jit_compile=self.compiled_with == "xla",
            autograph=False,  # errors keep their class, and Keras models do not rely on it
        )
