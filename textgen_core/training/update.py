"""What a step compiles: forward, backward, clipping and the update of the weights.

How it is compiled, and what is done where memory is short, is up to `step`. A batch may come in
micro-batches, one after the other, and these in parts, side by side; both are rows of it: their
losses are summed and divided by the tokens of the whole, so that loss and gradient are those of the
whole batch. Of several workers each has some of its rows, and the gradient goes from one to the
other in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Any, NamedTuple

import tensorflow as tf

from textgen_core.config.settings import TrainingSettings
from textgen_core.models.language_model import LanguageModel
from textgen_core.training.gradient import Found, Gradient, Rows, seeds_of_part
from textgen_core.training.loss import PADDING
from textgen_core.training.muon import Muon
from textgen_core.training.recurrent_state import RecurrentState


class StepResult(NamedTuple):
    """What a step found: the summed plain loss in nats, its tokens, the norm, and the verdict.

    The values are tensors, so that the caller decides when to wait for them. stop: whether one of
    several workers asks for an end of the training.
    """

    loss_sum: Any
    tokens: Any
    gradient_norm: Any
    finite: Any
    stop: Any = None


class Update:
    """A function from batches and recurrent state to a StepResult and the state after it.

    recurrent_state: None where windows stand alone. micro_batches: how many each batch is computed
    in, one after the other. parts: how many parts of these run side by side, in a graph.
    jit_regions: whether XLA compiles what lies between the large products, and not the parts as a
    whole. scales_loss: whether the optimizer wants the loss
    scaled, for float16. updates_begun: counts the updates of the weights that have begun: one that
    ended in an error was not counted, or left the weights half updated. workers: how many there
    are; this one's batches are rows of the whole from `first_row` on.
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
        self._gradient = Gradient(
            language_model,
            optimizer,
            settings,
            recurrent_state=recurrent_state,
            model_name=model_name,
        )
        self._model = language_model.model
        self._optimizer = optimizer
        self._settings = settings
        self.scales_loss = self._gradient.scales_loss
        self.recurrent_state = recurrent_state
        self.micro_batches = 1
        self.parts = 1
        self.workers, self.first_row = 1, 0
        self.updates_begun = tf.Variable(0, dtype=tf.int64, trainable=False)

    @property
    def jit_regions(self) -> bool:
        """Whether XLA compiles the regions between the large products."""
        return self._gradient.jit_regions

    @jit_regions.setter
    def jit_regions(self, compiled: bool) -> None:
        self._gradient.jit_regions = compiled

    def keep_rows(self) -> None:
        """Have `gradient` return the rows of a table that a batch reads, in place of all of it."""
        self._gradient.keeps_rows = True

    @property
    def can_be_split(self) -> bool:
        """Whether parts of a batch may run side by side: the model changes nothing but seeds."""
        return self._gradient.seeds is not None

    def __call__(self, inputs: Any, targets: Any, resets: Any, state: Any) -> Any:
        """inputs, targets: int32 `(batches, batch, time)`; resets: bool `(batches,)`."""
        counted = tf.cast(tf.convert_to_tensor(targets) != PADDING, tf.float32)
        tokens = tf.maximum(tf.reduce_sum(counted), 1.0)
        gradients, loss_sum, state = self.gradient(inputs, targets, resets, state, tokens)
        return self.apply(gradients, loss_sum, tokens), state

    def gradient(self, inputs: Any, targets: Any, resets: Any, state: Any, tokens: Any) -> Any:
        """Return the gradients, the summed plain loss and the state after it.

        tokens: those of the update, of which these batches may be but some rows.
        """
        inputs, targets = tf.convert_to_tensor(inputs), tf.convert_to_tensor(targets)
        batches, batch_size, _ = inputs.shape
        gradient_of: Any = self._gradient
        if self.parts > 1:
            gradient_of = tf.function(
                gradient_of.__call__, jit_compile=not self.jit_regions, autograph=False
            )
        gradients: list[Any] = []
        losses = []
        for index in range(batches):
            first_row = tf.constant(self.first_row)
            whole = Rows(inputs[index], targets[index], resets[index], state, first_row)
            if self._has_one_seed:
                seeds = [tf.identity(variable.value) for variable in self._seeds]
                whole = whole._replace(seeds=seeds)
            states = []
            for micro_batch in row_slices(batch_size, self.micro_batches):
                found = []
                for part in self._parts_of(_computed_after(whole, gradients), micro_batch):
                    rows = batches * batch_size * self.workers
                    share = tf.constant(part.inputs.shape[0] / rows)
                    found.append(gradient_of(part, tokens, share))
                if not self._has_one_seed or not micro_batch.start:
                    self._keep_seeds(found[0])
                gradients = _summed([gradients, *(each.gradients for each in found)])
                losses += [each.loss_sum for each in found]
                states += [each.state for each in found]
            state = self._joined(states)
        return gradients, tf.add_n(losses), state

    def apply(self, gradients: Any, loss_sum: Any, tokens: Any) -> StepResult:
        """Clip the gradients and update the weights."""
        clip, apply = self._clip, self._apply
        if self.parts > 1 or self.jit_regions:
            clip = tf.function(clip, jit_compile=True, autograph=False)
            apply = tf.function(apply, jit_compile=True, autograph=False)
        gradients, norm, finite, stacks = clip(gradients, loss_sum)
        apply(gradients, finite, [self._optimizer.orthogonalised(each) for each in stacks])
        return StepResult(loss_sum, tokens, norm, finite)

    def _parts_of(self, whole: Rows, micro_batch: slice) -> list[Rows]:
        """Return the parts of a micro-batch that run side by side.

        Unless the model is told which rows they are, each has seeds of its own: those of its first
        row where there are several workers, which may have other parts and micro-batches.
        """
        first, size = micro_batch.start, micro_batch.stop - micro_batch.start
        places = row_slices(size, min(self.parts, size))
        parts = [self._rows(whole, slice(first + rows.start, first + rows.stop)) for rows in places]
        if self._gradient.places_rows or (self.parts == 1 and not self._has_one_seed):
            return parts
        seeds: Sequence[Any] = [variable.value for variable in self._seeds]
        numbers: Sequence[int] = range(len(parts))
        if self._has_one_seed:
            seeds = whole.seeds
            numbers = [self.first_row + first + rows.start for rows in places]
        return [
            part._replace(seeds=seeds_of_part(seeds, number))
            for part, number in zip(parts, numbers, strict=True)
        ]

    @property
    def _seeds(self) -> Sequence[Any]:
        return self._gradient.seeds or ()

    @property
    def _has_one_seed(self) -> bool:
        """Whether a batch has one seed for each generator, and its rows differ by their places."""
        divided = self._gradient.places_rows or self.workers > 1
        return divided and self._gradient.seeds is not None

    def _rows(self, whole: Rows, rows: slice) -> Rows:
        if rows == slice(0, whole.inputs.shape[0]):
            return whole
        state = whole.state
        if self.recurrent_state is not None:
            state = self.recurrent_state.split(state, rows)
        return whole._replace(
            inputs=whole.inputs[rows],
            targets=whole.targets[rows],
            state=state,
            first_row=whole.first_row + rows.start,
        )

    def _joined(self, states: Sequence[Any]) -> Any:
        if self.recurrent_state is None or len(states) == 1:
            return states[0]
        return self.recurrent_state.join(states)

    def _keep_seeds(self, first: Found) -> None:
        """Leave the seeds as the first part does, at their place."""
        if first.seeds is None:
            return
        moved = self.first_row if self._has_one_seed and not self._gradient.places_rows else 0
        for variable, seed in zip(self._seeds, seeds_of_part(first.seeds, -moved), strict=True):
            variable.assign(seed)

    def _clip(self, gradients: Any, loss_sum: Any) -> tuple[Any, Any, Any, Any]:
        """Return the clipped gradients, their norm, the verdict, and what to orthogonalise."""
        scale = tf.ones(())
        if self.scales_loss:
            scale = 1.0 / tf.cast(self._optimizer.scale_loss(tf.ones(())), tf.float32)
        norm = tf.linalg.global_norm(gradients) * scale
        if self._settings.clip_norm is not None:
            factor = tf.minimum(1.0, self._settings.clip_norm / tf.maximum(norm, 1e-12))
            gradients = [each * tf.cast(factor, each.dtype) for each in gradients]
        finite = tf.math.is_finite(loss_sum)
        if not self.scales_loss:
            finite &= tf.math.is_finite(norm)
        stacks = []
        if self.jit_regions and isinstance(self._optimizer, Muon):
            variables, dtype = self._model.trainable_variables, self._model.compute_dtype
            stacks = self._optimizer.stacks(gradients, variables, dtype)
        return gradients, norm, finite, stacks

    def _apply(self, gradients: Any, finite: Any, stacks: Any) -> Any:
        """Update the weights, unless the step found what is not finite."""
        variables = self._model.trainable_variables

        def update() -> Any:
            given = self._optimizer.given(stacks, variables) if stacks else nullcontext()
            # Counted first: if memory fails half-way, the weights are half updated.
            with tf.control_dependencies([self.updates_begun.assign_add(1)]), given:
                self._optimizer.apply(gradients, variables)
            return tf.constant(1, tf.int32)

        if self.scales_loss:
            # It leaves steps out whose gradient overflows, by design, and lowers its scale.
            return update()
        return tf.cond(finite, update, lambda: tf.constant(0, tf.int32))


def row_slices(rows: int, count: int) -> list[slice]:
    """Return `count` slices of `rows`, of nearly one size, in order."""
    borders = [rows * number // count for number in range(count + 1)]
    return [slice(first, last) for first, last in pairwise(borders)]


def _summed(gradients: Sequence[list[Any]]) -> list[Any]:
    """Return the sums, variable by variable; a list without any counts as nothing."""
    given = [each for each in gradients if each]
    return [_sum(each) if len(each) > 1 else each[0] for each in zip(*given, strict=True)]


def _sum(gradients: Sequence[Any]) -> Any:
    """Return the sum of a variable's gradients; of rows of it, all of them, one after the other."""
    if not all(isinstance(each, tf.IndexedSlices) for each in gradients):
        return tf.add_n(gradients)
    values = tf.concat([each.values for each in gradients], axis=0)
    indices = tf.concat([each.indices for each in gradients], axis=0)
    return tf.IndexedSlices(values, indices, gradients[0].dense_shape)


def _computed_after(rows: Rows, earlier: Sequence[Any]) -> Rows:
    """Return `rows`, whose inputs are available only once the tensors `earlier` are.

    Without it a graph may run all micro-batches at once, and would keep the activations of all.
    """
    if not earlier:
        return rows
    with tf.control_dependencies(list(earlier)):
        return rows._replace(inputs=tf.identity(rows.inputs))
