"""One update of the weights: a compiled function from batches to a loss.

Forward, backward, clipping and the update are one function, under XLA where it helps. A step whose
loss or gradient is not finite changes nothing; one that does not fit into memory is taken again in
micro-batches, and one that XLA cannot compile as a graph. Where several workers share a step, the
gradient is one function, the update another, and the exchange lies between them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from textgen_core.config.settings import TrainingSettings
from textgen_core.data.batches import Batch
from textgen_core.errors import ConfigurationError, OutOfMemory, PluginFailure, reason_of
from textgen_core.models.cores import cores
from textgen_core.models.devices import UNCOMPILABLE, parts_of_batch
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.gradient import is_exhaustion
from textgen_core.training.recurrent_state import RecurrentState
from textgen_core.training.update import StepResult, Update

if TYPE_CHECKING:
    from textgen_core.training.workers.sharing import Sharing
    from textgen_core.training.workers.transport import Collective

# Failures that compiling another way may avoid.
_FAILURES = (tf.errors.ResourceExhaustedError, MemoryError, *UNCOMPILABLE)


class TrainingStep:
    """The compiled step of a model with its optimizer.

    compiled_with: "xla", "graph", "eager" or "mixed": a graph in which XLA compiles the regions
    between the large products. parts: how many parts of a batch run side by side, each on a core of
    its own. recurrent_state: that of streams, after the latest batch; with several workers, of this
    one's rows. notes: where the step is not what was asked for, and where a batch did not fit into
    memory.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        optimizer: Any,
        settings: TrainingSettings,
        *,
        carries_state: bool,
        model_name: str = "The model",
        collective: Collective | None = None,
    ) -> None:
        """Prepare a step; `model_name` begins the message of a model that fails.

        collective: the workers that share the step; None: there is one.
        """
        self._model = language_model.model
        self._optimizer = optimizer
        self._settings = settings
        self._model_name = model_name
        self._update = Update(
            language_model,
            optimizer,
            settings,
            recurrent_state=RecurrentState(language_model) if carries_state else None,
            model_name=model_name,
        )
        self._sharing: Sharing | None = None
        if collective is not None:
            from textgen_core.training.workers.sharing import Sharing  # which one worker lacks

            self._sharing = Sharing(collective, self._model, optimizer, self._update)
        self.compiled_with, note = self._choose_compilation()
        self._update.jit_regions = self.compiled_with == "mixed"
        self._update.parts = self._choose_parts(language_model.context_length)
        self.notes: tuple[str, ...] = (note,) if note else ()
        self._compile()
        self.recurrent_state: Any = None

    def __call__(self, batches: Sequence[Batch], learning_rate: float) -> StepResult:
        """Update the weights from one or more batches, whose gradients are added up."""
        if self._sharing is not None:
            result = self.share(batches, learning_rate)
            assert result is not None
            return result
        self._set_learning_rate(learning_rate)
        inputs, targets, resets = _stacked(batches)
        if self.recurrent_state is None:
            self.recurrent_state = self.initial_recurrent_state(inputs.shape[1])
        found: StepResult
        found, self.recurrent_state = self._run(inputs, targets, resets)
        return found

    def share(
        self, batches: Sequence[Batch], learning_rate: float, stop: bool = False
    ) -> StepResult | None:
        """Update the weights together with the other workers; None: training is over.

        The rate is the first worker's. stop: whether this one asks for an end of the training.
        """
        assert self._sharing is not None
        inputs, targets, resets = _stacked(batches)
        own = self._sharing.own_part(inputs, targets, learning_rate, stop)
        if self.recurrent_state is None:
            self.recurrent_state = self.initial_recurrent_state(own.inputs.shape[1])
        vector, after = self._run(own.inputs, own.targets, resets, own.tokens, own.header)
        told = self._sharing.exchanged(vector, self.recurrent_state)
        if told is None:
            return None
        self._set_learning_rate(told.learning_rate)
        result: StepResult = self._update_compiled(told.summed, own.tokens)
        self.recurrent_state = after
        return result._replace(stop=told.stop)

    def end_sharing(self) -> None:
        """Let the other workers end their training too."""
        if self._sharing is not None:
            self._sharing.end()

    def initial_recurrent_state(self, batch_size: int) -> Any:
        """Return the state before the first batch; None where windows stand alone."""
        state = self._update.recurrent_state
        return None if state is None else state.initial(batch_size)

    def whole_recurrent_state(self) -> Any:
        """Return the recurrent state of all rows, for a checkpoint; None where there is none."""
        if self._sharing is None or self.recurrent_state is None:
            return self.recurrent_state
        return self._sharing.whole_state(self.recurrent_state)

    def take_recurrent_state(self, whole: Any, batch_size: int) -> None:
        """Go on from the recurrent state of all rows, which is that of a checkpoint."""
        if self._sharing is not None:
            whole = self._sharing.own_state(whole, batch_size)
        self.recurrent_state = whole

    @property
    def micro_batches(self) -> int:
        """How many micro-batches a batch is computed in: doubled each time memory is short."""
        return self._update.micro_batches

    @property
    def parts(self) -> int:
        """How many parts of a batch run side by side."""
        return int(getattr(self._model, "parts", self._update.parts))

    @property
    def note(self) -> str:
        """The latest of `notes`; empty if there is none."""
        return self.notes[-1] if self.notes else ""

    def _set_learning_rate(self, learning_rate: float) -> None:
        scaled = self._update.scales_loss
        optimizer = self._optimizer.inner_optimizer if scaled else self._optimizer
        optimizer.learning_rate.assign(learning_rate)

    def _run(self, inputs: Any, targets: Any, resets: Any, *more: Any) -> Any:
        """Return what a step finds, compiled another way as often as it fails."""
        micro_batches = self.micro_batches
        while True:
            before = _Snapshot(self._model, self._update)
            try:
                found = self._compiled(inputs, targets, resets, self.recurrent_state, *more)
                break
            except _FAILURES as error:
                if is_exhaustion(error):
                    self._accumulate_more(inputs.shape, before, error)
                else:
                    self._fall_back_to_graph(error)
                self._compile()
        if self.micro_batches > micro_batches:
            self._note_micro_batches(*inputs.shape)
        if self._sharing is not None:
            self._sharing.check_unchanged(before.values, self._model_name)
        return found

    def _fall_back_to_graph(self, error: Exception) -> None:
        """Have the step run as a graph; raise if XLA was asked for, or is not what failed."""
        cause = reason_of(error)[:200]
        if self.compiled_with != "xla":
            raise PluginFailure(f"{self._model_name} failed in training: {cause}") from error
        if self._settings.compile == "xla":
            raise ConfigurationError(
                f"training.compile cannot be xla with this model: {cause}",
                "Allowed with it: auto, graph, eager.",
            ) from error
        self.compiled_with, self._update.parts = "graph", 1
        self.notes += (f"XLA cannot compile this model, so the step runs as a graph: {cause}",)

    def _accumulate_more(self, shape: Sequence[int], before: _Snapshot, error: Exception) -> None:
        """Have the batch computed in twice as many micro-batches, with everything as it was before.

        Raises OutOfMemory if one row is too much, or the weights may be half updated.
        """
        _, rows, time = shape
        if self.micro_batches >= rows or before.weights_may_have_changed():
            raise OutOfMemory(
                f"A batch of {rows} x {time} tokens does not fit into memory with this model"
                + (", not even row by row." if self.micro_batches >= rows > 1 else "."),
                advice="Try a smaller --batch-size or data.sequence_length, or training.recompute.",
            ) from error
        before.restore()
        self._update.micro_batches = min(rows, 2 * self.micro_batches)

    def _note_micro_batches(self, batches: int, rows: int, time: int) -> None:
        count = self.micro_batches
        self.notes += (
            f"A batch of {rows} x {time} tokens did not fit into memory: it is computed in {count} "
            "micro-batches, whose gradients are added up. To choose that yourself: --batch-size "
            f"{-(-rows // count)} --set training.accumulate={count * batches}, or "
            "training.recompute=true.",
        )

    def _choose_compilation(self) -> tuple[str, str]:
        """Return how to compile, and a note if that is not the usual way."""
        if self._settings.compile != "auto":
            return self._settings.compile, ""
        without = [layer.name for layer in self._model.layers if not layer.supports_jit]
        if without:
            note = f"The layer {without[0]} cannot run under XLA: the step runs as a graph."
            return "graph", note
        if tf.config.list_logical_devices("GPU"):
            return "xla", ""
        # On a CPU oneDNN has the faster products, in bfloat16 by far.
        mixed = self._model.compute_dtype == "bfloat16"
        if hasattr(self._model, "jit_regions"):
            self._model.jit_regions = mixed = True
        elif hasattr(self._model, "parts") and cores() > 1:  # it splits batches by itself
            self._model.parts = cores()
            mixed = True
        return "mixed" if mixed else "xla", ""

    def _choose_parts(self, time: int) -> int:
        """Return how many parts of a batch the graph runs side by side."""
        under_xla = self.compiled_with in ("xla", "mixed") and self._settings.compile == "auto"
        if not under_xla or hasattr(self._model, "parts") or not self._update.can_be_split:
            return 1
        return parts_of_batch(-(-self._settings.batch_size // self._update.workers), time)

    def _compile(self) -> None:
        if self._sharing is None:
            self._compiled = self._compile_function(self._update.__call__)
            return
        self._compiled = self._compile_function(self._sharing.gradient)
        self._update_compiled = self._compile_function(self._sharing.update)

    def _compile_function(self, function: Callable[..., Any]) -> Any:
        if self.compiled_with == "eager":
            return function
        return tf.function(
            function,
            jit_compile=self.compiled_with == "xla" and self._update.parts == 1,
            autograph=False,  # errors keep their class, and Keras models do not rely on it
        )


def _stacked(batches: Sequence[Batch]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs and targets `(batches, batch, time)`, and where the rows start afresh."""
    return (
        np.stack([batch.inputs for batch in batches]),
        np.stack([batch.targets for batch in batches]),
        np.array([batch.starts_afresh for batch in batches]),
    )


class _Snapshot:
    """What a step that fails may have changed: the few small variables that a forward pass writes.

    Such as the seeds of dropout. The weights are not kept: only whether their update had begun.
    """

    def __init__(self, model: Any, update: Update) -> None:
        self.values = [(each, tf.identity(each.value)) for each in model.non_trainable_variables]
        self._update = update
        self._updates_begun = tf.identity(update.updates_begun)

    def weights_may_have_changed(self) -> bool:
        return int(self._updates_begun) != int(self._update.updates_begun)

    def restore(self) -> None:
        for variable, value in self.values:
            variable.assign(value)
