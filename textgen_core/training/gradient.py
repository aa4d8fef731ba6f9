"""Loss and gradient of some rows of a batch: forward and backward, and nothing that changes.

What the model would change on the way, the seeds of its dropout, comes in and goes out where parts
of a batch are computed side by side: nothing then orders one part after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from textgen_core.config.settings import TrainingSettings
from textgen_core.errors import PluginFailure, component_errors
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.loss import Loss, chunk_rows, cross_entropy, projected_cross_entropy
from textgen_core.training.recurrent_state import RecurrentState

# What an allocation that failed is called where it is not a ResourceExhaustedError.
_EXHAUSTED = ("RESOURCE_EXHAUSTED", "out of memory", "Out of memory", "ALLOC_FAILED")
_BETWEEN_SEEDS = 2**16  # from the seed of one part to that of the next; models add small numbers


class Rows(NamedTuple):
    """Some rows of a batch.

    inputs, targets: int32 `(rows, time)`; resets: bool scalar; state: their recurrent state;
    first_row: the place of the first one in the whole batch, int32 scalar; seeds: those of dropout,
    or None where they are the variables' own.
    """

    inputs: Any
    targets: Any
    resets: Any
    state: Any
    first_row: Any
    seeds: Any = None


class Found(NamedTuple):
    """The gradient of some rows, their plain loss in nats, and what state and seeds are after."""

    gradients: Any
    loss_sum: Any
    state: Any
    seeds: Any


class Gradient:
    """A function from rows to what is Found in them.

    recurrent_state: None where windows stand alone. jit_regions: whether XLA compiles what lies
    between the large products, in a graph that it does not compile as a whole. seeds: the variables
    that a forward pass changes, if these are seeds alone; None where there are others. places_rows:
    whether the model's dropout is told which rows it is given. keeps_rows: whether the gradient of
    a table of which rows were looked up is that of these rows, tf.IndexedSlices.
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
        self.jit_regions = False
        self.keeps_rows = False
        changed = list(self._model.non_trainable_variables)
        self.seeds = changed if all(map(is_seed, changed)) else None
        self.places_rows = hasattr(self._model, "first_row")

    def __call__(self, rows: Rows, tokens: Any, share: Any) -> Found:
        """tokens: how many the whole update has; share: that of the rows among all of its rows."""
        state, held = rows.state, None
        if self.recurrent_state is not None:
            state = self.recurrent_state.before_batch(state, rows.inputs, rows.resets)
        if rows.seeds is not None:
            pairs = list(zip(self.seeds or (), rows.seeds, strict=True))
            held = keras.StatelessScope(pairs, collect_losses=True)
        with tf.GradientTape() as tape:
            with nullcontext() if held is None else held, self._placed(rows.first_row):
                loss, state = self._loss(rows._replace(state=state))
            # The scope has what layers added; what is told of weights alone is not known to it.
            extra = [*self._model.losses, *(() if held is None else held.losses)]
            objective = loss.objective / tokens + _sum(extra) * share
            if self.scales_loss:
                objective = self._optimizer.scale_loss(objective)
        seeds = None
        if held is not None:
            seeds = [held.get_current_value(variable) for variable in self.seeds or ()]
        return Found(self._gradients(tape, objective), loss.plain, state, seeds)

    @contextmanager
    def _placed(self, first_row: Any) -> Iterator[None]:
        """Tell the model the first row's place in the whole batch, if it wants to know."""
        if not self.places_rows:
            yield
            return
        self._model.first_row = first_row
        try:
            yield
        finally:
            self._model.first_row = 0

    def _gradients(self, tape: Any, objective: Any) -> list[Any]:
        variables = self._model.trainable_variables
        found = tape.gradient(objective, [variable.value for variable in variables])
        return [
            self._dense(each, variable) for each, variable in zip(found, variables, strict=True)
        ]

    def _dense(self, gradient: Any, variable: Any) -> Any:
        if gradient is None:
            return tf.zeros_like(variable.value)
        if self.keeps_rows and isinstance(gradient, tf.IndexedSlices):
            return gradient
        return tf.convert_to_tensor(gradient)

    def _loss(self, given: Rows) -> tuple[Loss, Any]:
        inputs, targets = given.inputs, given.targets
        smoothing = self._settings.label_smoothing
        rows = inputs.shape[0] * inputs.shape[1]
        rows_at_once = chunk_rows(rows, self._language_model.vocabulary_size)
        if not hasattr(self._model, "project") or rows_at_once == rows:
            logits, state = self._outputs(inputs, given.state)
            return cross_entropy(logits, targets, smoothing), state
        hidden, state = self._outputs(inputs, given.state, project=False)
        loss = projected_cross_entropy(
            tf.reshape(hidden, (rows, hidden.shape[-1])),
            self._model.project,
            tf.reshape(targets, (rows,)),
            rows_at_once=rows_at_once,
            label_smoothing=smoothing,
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


def seeds_of_part(seeds: Sequence[Any], number: int) -> list[Any]:
    """Return the seeds `(2,)` of a part: those of its number's own streams of random numbers.

    The negative of a number leads back.
    """
    # A generator's seed is (base, counter): moving the base starts another stream of numbers.
    return [seed + tf.constant([number * _BETWEEN_SEEDS, 0], seed.dtype) for seed in seeds]


def is_exhaustion(error: BaseException) -> bool:
    """Return whether an error says that memory was short."""
    if isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
        return True
    is_internal = isinstance(error, tf.errors.InternalError)
    return is_internal and any(phrase in str(error) for phrase in _EXHAUSTED)


def _sum(losses: Sequence[Any]) -> Any:
    return tf.add_n([tf.cast(each, tf.float32) for each in losses]) if losses else tf.zeros(())


def is_seed(variable: Any) -> bool:
    """Return whether a variable is that of a `keras.random.SeedGenerator`."""
    return bool(variable.name == "seed_generator_state" and tuple(variable.shape) == (2,))


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
