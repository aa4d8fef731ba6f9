"""A step that several workers share: the gradient of each one's rows, the sum, the same update.

Gradient and update are compiled apart, and the exchange lies between them. What one worker cannot
compute as it should (too little memory, no XLA) is its own affair: until the exchange nothing that
the workers have in common was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from textgen_core.errors import ConfigurationError
from textgen_core.training.gradient import is_seed
from textgen_core.training.loss import PADDING
from textgen_core.training.update import StepResult, Update
from textgen_core.training.workers.exchange import OVER, SAVE, Exchange, Told
from textgen_core.training.workers.rows import OwnRows
from textgen_core.training.workers.transport import Collective
from textgen_core.training.workers.vector import GradientVector


class OwnPart(NamedTuple):
    """What a worker computes of a step: rows, the tokens of the whole, and what it says."""

    inputs: np.ndarray
    targets: np.ndarray
    tokens: np.ndarray
    header: np.ndarray


class Sharing:
    """This worker's part of a step, and what it says to the others.

    Its own recurrent state, and the functions once they are compiled, are up to the step.
    """

    def __init__(self, collective: Collective, model: Any, optimizer: Any, update: Update) -> None:
        self.collective = collective
        self._update = update
        self._model = model
        update.workers = collective.size
        update.keep_rows()
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        self._exchange = Exchange(collective, [*model.variables, inner.iterations])
        self._vector = GradientVector(model.trainable_variables, collective.rank, collective.size)
        self._rows: OwnRows | None = None
        self._checked = False

    def gradient(
        self, inputs: Any, targets: Any, resets: Any, state: Any, tokens: Any, header: Any
    ) -> Any:
        """Return the vector of this worker and the state after these batches of its rows."""
        gradients, loss_sum, state = self._update.gradient(inputs, targets, resets, state, tokens)
        return self._vector.pack(header, loss_sum, gradients), state

    def update(self, summed: Any, tokens: Any) -> StepResult:
        """Update the weights by the sum of all vectors."""
        loss_sum, gradients = self._vector.unpack(summed[self._exchange.header_size :])
        return self._update.apply(gradients, loss_sum, tokens)

    def rows_of(self, batch_size: int) -> OwnRows:
        """Return which rows of a batch are this worker's."""
        if self._rows is None or self._rows.batch_size != batch_size:
            self._rows = OwnRows.of(batch_size, self.collective)
            self._update.first_row = self._rows.here.start
        return self._rows

    def own_part(
        self, inputs: np.ndarray, targets: np.ndarray, learning_rate: float, stop: bool
    ) -> OwnPart:
        """Return this worker's part of whole batches, int32 `(batches, batch, time)`."""
        rows = self.rows_of(inputs.shape[1])
        tokens = np.array(max(1, np.count_nonzero(targets != PADDING)), np.float32)
        header = self._exchange.header(learning_rate, stop, (inputs, targets))
        return OwnPart(rows.of_batches(inputs), rows.of_batches(targets), tokens, header)

    def exchanged(self, vector: Any, recurrent_state: Any) -> Told | None:
        """Return what all workers know once all have brought their vectors; None: it is over.

        recurrent_state: that before the step, which a checkpoint may ask for.
        """
        told = self._exchange.step(vector, lambda: self._gathered(recurrent_state))
        return None if told.kind == OVER else told

    def whole_state(self, recurrent_state: Any) -> Any:
        """Return the recurrent state of all rows: the first worker asks the others for theirs."""
        self._announce(SAVE)
        return self._gathered(recurrent_state)

    def own_state(self, whole: Any, batch_size: int) -> Any:
        """Return the recurrent state of this worker's rows, of that of all rows."""
        assert self._update.recurrent_state is not None
        return self.rows_of(batch_size).of_state(self._update.recurrent_state, whole)

    def end(self) -> None:
        """Let the others end their training: the first worker's has ended.

        Where it has ended before it began, they know.
        """
        if self._vector.size:
            self._announce(OVER)

    def _announce(self, kind: int) -> None:
        self._exchange.announce(kind, self._exchange.header_size + self._vector.size)

    def _gathered(self, recurrent_state: Any) -> Any:
        state = self._update.recurrent_state
        assert self._rows is not None  # a step was taken before
        assert state is not None
        return self._rows.gathered(state, recurrent_state, self.collective)

    def check_unchanged(self, before: Sequence[tuple[Any, Any]], model_name: str) -> None:
        """Raise ConfigurationError if a forward pass changed more than seeds, which would drift.

        The first one tells.
        """
        if self._checked:
            return
        self._checked = True
        for variable, value in before if not self._update.can_be_split else ():
            if not is_seed(variable) and not np.array_equal(variable.numpy(), value.numpy()):
                raise ConfigurationError(
                    f"{model_name} changes {variable.path} as it computes, which each worker "
                    "would do in its own way.",
                    "Allowed: one worker, or a model that changes nothing but seeds.",
                )
