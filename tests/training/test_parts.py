"""Parts of a batch side by side: the update of the whole batch, and masks that repeat."""

import attrs
import keras
import numpy as np
import pytest
import tensorflow as tf
from training.tiny import (
    TIME,
    CappedModel,
    TinyModel,
    UncompilableModel,
    draw_batch,
    make_step,
    settings,
    split_batch,
    values_of,
)

from textgen_core.models import devices
from textgen_core.training import gradient as gradient_module

ROWS = 8


@pytest.fixture(autouse=True)
def three_cores(monkeypatch):
    monkeypatch.setattr(devices, "cores", lambda: 3)
    monkeypatch.setattr(devices, "_TOKENS_OF_A_PART", TIME)


def auto(**changes):
    return settings(**{"compile": "auto", "batch_size": ROWS, **changes})


class ModelWithLosses(TinyModel):
    """Adds losses of its own: of its weights, and of what it computes for each row alike."""

    def __init__(self, **options):
        super().__init__(**options)
        self.hidden.kernel.regularizer = keras.regularizers.L2(0.1)

    def _run(self, token_ids, state, training, project):
        if training:
            self.add_loss(tf.reduce_sum(tf.square(self.head.kernel)))
        return super()._run(token_ids, state, training, project)


def trained(model, groups, chosen, micro_batches=1, carries_state=False):
    step, optimizer = make_step(model, chosen, carries_state)
    step._update.micro_batches = micro_batches
    results = [step(group, 0.05) for group in groups]
    variables = [*model.variables, *optimizer.variables]
    return values_of(variables), [float(each.loss_sum) for each in results], step


def assert_close(one, other):
    for found, expected in zip(one, other, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("micro_batches", "chunked", "carries_state"),
    [(1, False, False), (2, True, False), (2, False, True)],
)
def test_parts_side_by_side_give_the_update_of_the_whole_batch(
    micro_batches, chunked, carries_state, monkeypatch
):
    """With padding, extra losses, two batches an update, streams and chunks."""
    if chunked:
        monkeypatch.setattr(
            gradient_module, "chunk_rows", lambda rows, vocabulary_size: min(7, rows - 1)
        )
    batches = [draw_batch(ROWS, seed, starts_afresh=not seed, padding=1) for seed in range(4)]
    groups = [batches[:2], batches[2:]]
    options = {"optimizer": "adam", "clip_norm": 0.5, "label_smoothing": 0.1}
    kind = CappedModel if carries_state else ModelWithLosses
    expected, losses, _ = trained(kind(), groups, settings(**options), carries_state=carries_state)
    found, others, step = trained(kind(), groups, auto(**options), micro_batches, carries_state)
    assert (step.compiled_with, step.parts) == ("xla", 3)
    assert_close(found, expected)
    np.testing.assert_allclose(others, losses, rtol=1e-5)


def test_dropout_has_other_masks_in_each_part_and_in_each_step_and_the_same_in_a_repetition():
    """With the rows of all parts alike, and no update: only the masks can tell them apart."""
    batch = draw_batch(1)
    alike = attrs.evolve(
        batch, inputs=np.repeat(batch.inputs, 6, 0), targets=np.repeat(batch.targets, 6, 0)
    )
    model = TinyModel(dropout=0.5)
    seed = model.non_trainable_variables[0]
    step, _ = make_step(model, auto(batch_size=6))
    before = seed.numpy()
    first = [float(step([alike], 0.0).loss_sum) for _ in range(2)]
    assert seed.numpy().tolist() == [before[0], before[1] + 2]
    seed.assign(before)
    assert [float(step([alike], 0.0).loss_sum) for _ in range(2)] == first
    assert first[0] != first[1]
    whole, _ = make_step(TinyModel(dropout=0.0), auto(batch_size=6))
    assert first[0] != float(whole([alike], 0.0).loss_sum)


def test_parts_have_masks_of_their_own():
    seeds = [tf.constant([7, 3], tf.int64)]
    parts = [gradient_module.seeds_of_part(seeds, number)[0].numpy().tolist() for number in (0, 1)]
    assert parts[0] == [7, 3]
    assert parts[1][0] != 7
    assert parts[1][1] == 3


def test_a_run_that_is_taken_up_again_goes_on_to_the_bit():
    chosen = auto(optimizer="adam")
    groups = [split_batch(draw_batch(2 * ROWS, seed), 2) for seed in range(4)]
    expected, _, _ = trained(TinyModel(dropout=0.3), groups, chosen)
    model = TinyModel(dropout=0.3)
    step, optimizer = make_step(model, chosen)
    for group in groups[:2]:
        step(group, 0.05)
    again = TinyModel(dropout=0.3, seed=9)
    resumed, fresh = make_step(again, chosen)
    pairs = zip([*again.variables, *fresh.variables], [*model.variables, *optimizer.variables])
    for variable, saved in pairs:
        variable.assign(saved)
    for group in groups[2:]:
        resumed(group, 0.05)
    for one, other in zip(expected, values_of([*again.variables, *fresh.variables]), strict=True):
        np.testing.assert_array_equal(one, other)


class CountingModel(TinyModel):
    """Changes a variable that is no seed."""

    def __init__(self):
        self.calls = None
        super().__init__()

    def build(self, input_shape):
        self.calls = self.add_weight(shape=(2,), initializer="zeros", trainable=False, name="calls")


@pytest.mark.parametrize(
    ("model", "chosen", "parts"),
    [
        (TinyModel, {}, 3),
        (TinyModel, {"batch_size": 2}, 2),
        (TinyModel, {"compile": "xla"}, 1),
        (TinyModel, {"compile": "graph"}, 1),
        (CountingModel, {}, 1),
    ],
)
def test_there_are_as_many_parts_as_cores_and_rows_where_the_model_allows_it(model, chosen, parts):
    step, _ = make_step(model(), auto(**chosen))
    assert step.parts == parts


class RegionModel(TinyModel):
    """Can have XLA compile regions of it, it says."""

    jit_regions = False


def test_a_model_with_regions_is_left_to_a_graph_in_parts_and_does_what_eager_does():
    batches = [[draw_batch(ROWS, seed, padding=1)] for seed in range(2)]
    options = {"optimizer": "adam", "clip_norm": 0.5}
    expected, losses, _ = trained(RegionModel(), batches, settings(**options))
    model = RegionModel()
    found, others, step = trained(model, batches, auto(**options))
    assert (step.compiled_with, step.parts, model.jit_regions) == ("mixed", 3, True)
    assert_close(found, expected)
    np.testing.assert_allclose(others, losses, rtol=1e-5)
    asked = RegionModel()
    step, _ = make_step(asked, auto(compile="xla"))
    assert (step.compiled_with, step.parts, asked.jit_regions) == ("xla", 1, False)


def test_a_small_batch_and_one_on_a_gpu_stay_whole(monkeypatch):
    monkeypatch.setattr(devices, "_TOKENS_OF_A_PART", TIME * ROWS)
    assert make_step(TinyModel(), auto())[0].parts == 1
    monkeypatch.undo()
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["one"])
    assert make_step(TinyModel(), auto(batch_size=10_000))[0].parts == 1


def test_a_model_that_xla_refuses_is_computed_as_a_whole():
    batch = draw_batch(ROWS)
    expected, _, _ = trained(UncompilableModel(), [[batch]], settings())
    found, _, step = trained(UncompilableModel(), [[batch]], auto())
    assert (step.compiled_with, step.parts) == ("graph", 1)
    assert_close(found, expected)
