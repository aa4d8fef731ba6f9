"""A batch that does not fit into memory, in parts: where to cut, and a step that is taken again."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from training.tiny import (
    TIME,
    CappedModel,
    TinyModel,
    draw_batch,
    make_step,
    settings,
    split_batch,
    values_of,
    wrap,
)

from textgen_core.data.batches import Batch
from textgen_core.errors import OutOfMemory
from textgen_core.training.gradient import is_exhaustion
from textgen_core.training.recurrent_state import RecurrentState
from textgen_core.training.step import TrainingStep
from textgen_core.training.update import row_slices

COMPILATIONS = ["eager", "graph", "xla"]


def exhausted(message="OOM when allocating a tensor"):
    return tf.errors.ResourceExhaustedError(None, None, message)


# ---- where to cut -----------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 2, 7, 12, 32])
def test_parts_are_all_rows_in_order_and_of_nearly_one_size(rows):
    for parts in range(1, rows + 1):
        slices = row_slices(rows, parts)
        assert [row for part in slices for row in range(rows)[part]] == list(range(rows))
        sizes = {part.stop - part.start for part in slices}
        assert len(slices) == parts
        assert max(sizes) - min(sizes) <= 1


def nest(rows):
    """Rows in front, in the middle, folded with three heads, and tensors without rows."""
    numbers = tf.cast(tf.range(rows), tf.float32)
    return {
        "first": numbers[:, None] + tf.zeros((rows, 2)),
        "second": (numbers[None, :] + tf.zeros((4, rows)),),
        "folded": tf.reshape(numbers[:, None] + tf.zeros((rows, 3)), (rows * 3, 1)),
        "length": tf.constant(5),
        "table": tf.zeros((2, 2)),
    }


def of_nests():
    return RecurrentState(SimpleNamespace(state_capacity=None, initial_state=nest))


def test_a_nest_is_split_by_rows_wherever_they_lie_and_joined_to_what_it_was():
    state, whole = of_nests(), nest(7)
    parts = [state.split(whole, rows) for rows in row_slices(7, 3)]
    assert [part["first"].shape[0] for part in parts] == [2, 2, 3]
    assert parts[1]["second"][0].numpy().tolist() == [[2.0, 3.0]] * 4
    assert parts[1]["folded"].numpy().ravel().tolist() == [2.0] * 3 + [3.0] * 3
    assert int(parts[2]["length"]) == 5
    joined = state.join(parts)
    for one, other in zip(tf.nest.flatten(whole), tf.nest.flatten(joined), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_has_no_rows_is_that_of_the_last_part():
    parts = [{**nest(1), "length": tf.constant(length)} for length in (8, 9)]
    assert int(of_nests().join(parts)["length"]) == 9


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exhausted(), True),
        (tf.errors.InternalError(None, None, "CUDA_ERROR: out of memory"), True),
        (tf.errors.InternalError(None, None, "CUBLAS_STATUS_ALLOC_FAILED"), True),
        (tf.errors.InternalError(None, None, "no such kernel"), False),
        (MemoryError(), True),
        (ValueError("out of memory"), False),
    ],
    ids=str,
)
def test_memory_that_is_short_is_told_from_other_failures(error, expected):
    assert is_exhaustion(error) == expected


# ---- a step that is taken again ---------------------------------------------------------------


class GreedyModel(TinyModel):
    """Has memory for `fits` rows; a larger batch fails once it has been fed."""

    fits = 1
    tries = 0

    def _run(self, token_ids, state, training, project):
        if training:
            type(self).tries += 1
            if self.dropout.rate:
                self.dropout.seed_generator.next()  # what the failed attempt leaves behind
            if token_ids.shape[0] > self.fits:
                raise exhausted()
        return super()._run(token_ids, state, training, project)


class GreedyCappedModel(GreedyModel, CappedModel):
    """The same, with a state that holds a limited number of tokens."""


def greedy(fits, kind=GreedyModel, **given):
    class Model(kind):
        pass

    Model.fits = fits
    return Model(**given)


def assert_close(one, other, tolerance=2e-6):
    for found, expected in zip(one, other, strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def trained(model, groups, carries_state=False, **changes):
    given = {"optimizer": "adam", "clip_norm": 0.5, **changes}
    step, optimizer = make_step(model, settings(**given), carries_state)
    results = [step(group, 0.01) for group in groups]
    return step, results, values_of([*model.trainable_variables, *optimizer.variables])


@pytest.mark.parametrize("compile", COMPILATIONS)
@pytest.mark.parametrize(("rows", "fits", "parts"), [(8, 8, 1), (8, 7, 2), (8, 1, 8), (6, 2, 4)])
def test_a_batch_that_does_not_fit_gives_the_same_update_in_parts(rows, fits, parts, compile):
    groups = [[draw_batch(rows, seed, padding=seed)] for seed in range(3)]
    _, expected, weights = trained(TinyModel(), groups)
    step, found, again = trained(greedy(fits), groups, compile=compile)
    assert step.micro_batches == parts
    assert_close(again, weights)
    for one, other in zip(found, expected, strict=True):
        assert float(one.tokens) == float(other.tokens)
        np.testing.assert_allclose(float(one.loss_sum), float(other.loss_sum), rtol=1e-5)
        np.testing.assert_allclose(float(one.gradient_norm), float(other.gradient_norm), rtol=1e-5)


def test_batches_that_are_accumulated_are_split_each():
    groups = [split_batch(draw_batch(8, seed), 2) for seed in range(2)]
    _, _, weights = trained(TinyModel(), groups, accumulate=2)
    step, _, again = trained(greedy(2), groups, accumulate=2)
    assert step.micro_batches == 2
    assert_close(again, weights)
    assert "--batch-size 2 --set training.accumulate=4" in step.note


def test_a_models_own_losses_count_by_rows():
    def regularised(model):
        model.hidden.kernel.regularizer = keras.regularizers.L2(0.1)
        return model

    groups = [[draw_batch(7)]]
    _, _, weights = trained(regularised(TinyModel()), groups, optimizer="sgd", clip_norm=None)
    step, _, again = trained(regularised(greedy(2)), groups, optimizer="sgd", clip_norm=None)
    assert step.micro_batches == 4
    assert_close(again, weights)


def streams(count, rows, afresh=(0,)):
    token_ids = np.random.default_rng(5).integers(4, 13, (rows, count * TIME + 1))
    token_ids = token_ids.astype(np.int32)
    return [
        [
            Batch(
                inputs=token_ids[:, start : start + TIME],
                targets=token_ids[:, start + 1 : start + TIME + 1],
                starts_afresh=number in afresh,
            )
        ]
        for number, start in enumerate(range(0, count * TIME, TIME))
    ]


@pytest.mark.parametrize("compile", COMPILATIONS)
@pytest.mark.parametrize("fits", [2, 1])
@pytest.mark.parametrize(
    ("plain", "split"), [(TinyModel, GreedyModel), (CappedModel, GreedyCappedModel)]
)
def test_streams_are_split_with_their_recurrent_state_row_by_row(plain, split, fits, compile):
    groups = streams(6, rows=5, afresh=(0, 4))
    whole, expected, weights = trained(plain(), groups, carries_state=True)
    step, found, again = trained(greedy(fits, split), groups, carries_state=True, compile=compile)
    assert step.micro_batches > 1
    assert_close(again, weights)
    assert_close(
        tf.nest.flatten(step.recurrent_state), tf.nest.flatten(whole.recurrent_state), 1e-5
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(float(one.loss_sum), float(other.loss_sum), rtol=1e-5)


def test_memory_that_gets_short_on_the_way_leaves_weights_and_state_as_they_were():
    groups = streams(4, rows=4)
    _, _, weights = trained(TinyModel(), groups, carries_state=True)
    model = greedy(4)
    step, optimizer = make_step(
        model, settings(optimizer="adam", clip_norm=0.5), carries_state=True
    )
    for number, group in enumerate(groups):
        if number == 2:
            type(model).fits = 1
        step(group, 0.01)
    assert step.micro_batches == 4
    assert_close(values_of([*model.trainable_variables, *optimizer.variables]), weights)


@pytest.mark.parametrize("compile", ["eager", "graph"])
def test_the_seeds_of_dropout_are_those_of_a_step_that_never_failed(compile):
    model, rows = greedy(2, dropout=0.5), 4
    seeds = values_of(model.non_trainable_variables)
    step, _ = make_step(model, settings(compile=compile))
    step([draw_batch(rows)], 0.1)
    after_failure = values_of(model.non_trainable_variables)

    for variable, value in zip(model.non_trainable_variables, seeds, strict=True):
        variable.assign(value)
    step([draw_batch(rows)], 0.1)  # in two parts from the start
    for one, other in zip(after_failure, values_of(model.non_trainable_variables), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_happened_is_noted_once_with_what_to_set():
    step, _, _ = trained(greedy(2), [[draw_batch(8, seed)] for seed in range(3)])
    (note,) = step.notes
    assert "8 x 5 tokens did not fit into memory" in note
    assert "in 4 micro-batches" in note
    assert "--batch-size 2 --set training.accumulate=4" in note
    assert "\n" not in note


def test_the_parts_stay_and_the_whole_batch_is_not_tried_again():
    model = greedy(4)
    trained(model, [[draw_batch(8, seed)] for seed in range(3)])
    assert type(model).tries == 1 + 3 * 2


def test_a_row_that_does_not_fit_is_told_as_such_and_changes_nothing():
    model = greedy(0)
    step, optimizer = make_step(model, settings(optimizer="adam"))
    before = values_of([*model.variables, *optimizer.variables])
    with pytest.raises(OutOfMemory, match=r"4 x 5 tokens .* not even row by row") as caught:
        step([draw_batch(4)], float(optimizer.learning_rate))
    assert "training.recompute" in caught.value.advice
    for old, new in zip(before, values_of([*model.variables, *optimizer.variables]), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_batch_of_one_row_speaks_of_no_rows():
    step, _ = make_step(greedy(0), settings())
    with pytest.raises(OutOfMemory) as caught:
        step([draw_batch(1)], 0.1)
    assert "row by row" not in caught.value.problem


class HalfwayOptimizer(keras.optimizers.SGD):
    """Updates its first variable, and runs out of memory."""

    def apply(self, gradients, variables):
        variables[0].assign_sub(tf.ones_like(variables[0].value))
        raise exhausted()


@pytest.mark.parametrize("compile", ["eager"])
def test_weights_that_are_half_updated_are_not_updated_again(compile):
    model, optimizer = TinyModel(), HalfwayOptimizer(0.1)
    optimizer.build(model.trainable_variables)
    step = TrainingStep(wrap(model), optimizer, settings(compile=compile), carries_state=False)
    with pytest.raises(OutOfMemory):
        step([draw_batch(4)], 0.1)
    assert step.micro_batches == 1


class AllocatingModel(TinyModel):
    """Fails while it runs, not while it is traced, as a real allocation does."""

    def _run(self, token_ids, state, training, project):
        outputs, state = super()._run(token_ids, state, training, project)
        if not training:
            return outputs, state

        def allocate(rows):
            if rows > 2:
                raise MemoryError
            return np.float32(0)

        zero = tf.numpy_function(allocate, [tf.shape(token_ids)[0]], tf.float32)
        return outputs + tf.ensure_shape(zero, ()), state


@pytest.mark.parametrize("compile", ["eager", "graph"])
def test_an_allocation_that_fails_while_the_step_runs_is_met_too(compile):
    groups = [[draw_batch(8, seed)] for seed in range(2)]
    _, _, weights = trained(TinyModel(), groups)
    step, _, again = trained(AllocatingModel(), groups, compile=compile)
    assert step.micro_batches == 4
    assert_close(again, weights)
