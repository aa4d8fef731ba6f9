"""One update of the weights: by hand, accumulated, clipped, refused, and compiled each way."""

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

from textgen_core.data.batches import Batch
from textgen_core.errors import ConfigurationError, PluginFailure
from textgen_core.training import gradient as gradient_module
from textgen_core.training import loss as loss_module
from textgen_core.training import step as step_module

COMPILATIONS = ["eager", "graph", "xla"]


def weights_after(batches, model=None, carries_state=False, rate=0.5, **changes):
    model = model or TinyModel()
    step, _ = make_step(model, settings(**changes), carries_state)
    results = [step(group, rate) for group in batches]
    return values_of(model.trainable_variables), results, step


def assert_close(one, other, tolerance=1e-6):
    for found, expected in zip(one, other, strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_a_step_is_the_gradient_of_the_mean_loss_times_the_rate():
    model, batch = TinyModel(), draw_batch(4, padding=1)
    with tf.GradientTape() as tape:
        logits = model(batch.inputs[:3], training=True)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(batch.targets[:3], logits)
        )
    gradients = tape.gradient(loss, [each.value for each in model.trainable_variables])
    before = values_of(model.trainable_variables)
    expected = [
        value - 0.25 * tf.convert_to_tensor(gradient).numpy()
        for value, gradient in zip(before, gradients, strict=True)
    ]
    found, (result,), _ = weights_after([[batch]], model, rate=0.25)
    assert_close(found, expected)
    assert float(result.tokens) == 3 * TIME
    np.testing.assert_allclose(float(result.loss_sum) / (3 * TIME), float(loss), rtol=1e-6)
    assert bool(result.finite)


@pytest.mark.parametrize("padding", [0, 5])
def test_four_batches_of_8_give_the_gradient_of_one_of_32(padding):
    whole = draw_batch(32, padding=padding)
    one, (first,), _ = weights_after([[whole]], rate=1.0)
    four, (second,), _ = weights_after([split_batch(whole, 4)], rate=1.0)
    assert_close(four, one, 1e-6)
    np.testing.assert_allclose(float(first.gradient_norm), float(second.gradient_norm), rtol=1e-5)
    np.testing.assert_allclose(float(first.loss_sum), float(second.loss_sum), rtol=1e-5)


def test_a_models_own_losses_count_once_however_many_batches_make_a_step():
    def regularised():
        model = TinyModel()
        model.hidden.kernel.regularizer = keras.regularizers.L2(0.1)
        return model

    whole = draw_batch(8)
    plain, _, _ = weights_after([[whole]], TinyModel())
    one, _, _ = weights_after([[whole]], regularised())
    four, _, _ = weights_after([split_batch(whole, 4)], regularised())
    assert_close(four, one)
    assert np.abs(one[1] - plain[1]).max() > 1e-3


def test_a_models_own_losses_are_not_part_of_the_loss_that_is_told():
    model = TinyModel()
    model.hidden.kernel.regularizer = keras.regularizers.L2(10.0)
    batch = draw_batch(4)
    _, (told,), _ = weights_after([[batch]], model)
    _, (plain,), _ = weights_after([[batch]], TinyModel())
    np.testing.assert_allclose(float(told.loss_sum), float(plain.loss_sum), rtol=1e-6)


def test_smoothing_moves_the_weights_and_not_the_loss_that_is_told():
    batch = draw_batch(4)
    plain, (first,), _ = weights_after([[batch]])
    smoothed, (second,), _ = weights_after([[batch]], label_smoothing=0.2)
    assert float(first.loss_sum) == float(second.loss_sum)
    assert np.abs(plain[3] - smoothed[3]).max() > 1e-4


def test_clipping_scales_the_whole_gradient_to_the_norm():
    batch = draw_batch(4)
    before = values_of(TinyModel().trainable_variables)
    free, (unclipped,), _ = weights_after([[batch]], rate=1.0)
    norm = float(unclipped.gradient_norm)
    clipped, (result,), _ = weights_after([[batch]], rate=1.0, clip_norm=norm / 4)
    expected = [old + (new - old) / 4 for old, new in zip(before, free, strict=True)]
    assert_close(clipped, expected)
    np.testing.assert_allclose(float(result.gradient_norm), norm, rtol=1e-6)
    loose, _, _ = weights_after([[batch]], rate=1.0, clip_norm=4 * norm)
    assert_close(loose, free)


def poisoned(kind):
    model = TinyModel()
    if kind == "loss":
        model.head.bias.assign(np.full(model.head.bias.shape, np.nan, np.float32))
    else:  # a loss that is finite, with a gradient that is not
        model.hidden.activation = lambda x: tf.sqrt(tf.abs(x - tf.stop_gradient(x)))
    return model


class ModelInParts(TinyModel):
    """Runs parts of a batch side by side, it says."""

    parts = 1


@pytest.mark.parametrize("chunked", [False, True])
def test_a_model_in_parts_runs_as_a_graph_with_parts_under_xla_and_does_what_eager_does(
    chunked, monkeypatch
):
    if chunked:
        monkeypatch.setattr(loss_module, "_CHUNK_LOGITS", 7 * 30)
    monkeypatch.setattr(step_module, "cores", lambda: 3)
    groups = [split_batch(draw_batch(8, seed), 2) for seed in range(3)]
    changes = {"optimizer": "adam", "rate": 0.01, "clip_norm": 0.5, "label_smoothing": 0.1}
    eager, results, _ = weights_after(groups, model=ModelInParts(), **changes)
    model = ModelInParts()
    found, others, step = weights_after(groups, model=model, compile="auto", **changes)
    assert (step.compiled_with, model.parts) == ("mixed", 3)
    assert_close(found, eager, 1e-5)
    for one, other in zip(results, others, strict=True):
        np.testing.assert_allclose(float(one.loss_sum), float(other.loss_sum), rtol=1e-5)


@pytest.mark.parametrize("compiled", ["xla", "graph"])
def test_what_was_asked_for_is_never_mixed(compiled):
    model = ModelInParts()
    step, _ = make_step(model, settings(compile=compiled))
    assert (step.compiled_with, model.parts) == (compiled, 1)


@pytest.mark.parametrize("compile", COMPILATIONS)
@pytest.mark.parametrize("kind", ["loss", "gradient"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_step_that_is_not_finite_changes_nothing(kind, optimizer, compile):
    model = poisoned(kind)
    step, used = make_step(model, settings(optimizer=optimizer, clip_norm=1.0, compile=compile))
    before = values_of([*model.trainable_variables, *used.variables])
    result = step([draw_batch(4)], float(used.learning_rate))
    assert not bool(result.finite)
    assert np.isfinite(float(result.loss_sum)) == (kind == "gradient")
    for old, new in zip(
        before, values_of([*model.trainable_variables, *used.variables]), strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_graph_and_xla_do_what_eager_does():
    groups = [split_batch(draw_batch(8, seed), 2) for seed in range(3)]
    eager, results, _ = weights_after(groups, optimizer="adam", rate=0.01, clip_norm=0.5)
    auto, _ = make_step(TinyModel(), settings(compile="auto"))
    assert auto.compiled_with == "xla"
    for compiled in ("graph", "xla"):
        found, others, step = weights_after(
            groups, optimizer="adam", rate=0.01, clip_norm=0.5, compile=compiled
        )
        assert_close(found, eager, 1e-5)
        assert step.compiled_with == compiled
        for one, other in zip(results, others, strict=True):
            np.testing.assert_allclose(float(one.loss_sum), float(other.loss_sum), rtol=1e-5)


@pytest.mark.parametrize("compile", COMPILATIONS)
def test_the_loss_in_chunks_gives_the_same_update(compile, monkeypatch):
    batch = draw_batch(4)
    whole, (first,), _ = weights_after([[batch]], label_smoothing=0.1)
    monkeypatch.setattr(gradient_module, "chunk_rows", lambda rows, vocabulary_size: 7)
    chunked, (second,), _ = weights_after([[batch]], label_smoothing=0.1, compile=compile)
    assert_close(chunked, whole, 1e-5)
    np.testing.assert_allclose(float(first.loss_sum), float(second.loss_sum), rtol=1e-5)


def test_a_model_that_xla_refuses_falls_back_to_a_graph_and_says_so():
    batch = draw_batch(4)
    expected, _, _ = weights_after([[batch]], UncompilableModel())
    found, _, step = weights_after([[batch]], UncompilableModel(), compile="auto")
    assert step.compiled_with == "graph"
    assert "XLA" in step.note
    assert "\n" not in step.note
    assert_close(found, expected)


def test_xla_that_was_asked_for_is_not_taken_back_silently():
    with pytest.raises(ConfigurationError, match=r"training\.compile cannot be xla"):
        weights_after([[draw_batch(4)]], UncompilableModel(), compile="xla")


def test_a_layer_that_declares_itself_unfit_for_xla_runs_as_a_graph_and_says_so():
    model = TinyModel()
    model.hidden.supports_jit = False
    step, _ = make_step(model, settings(compile="auto"))
    assert step.compiled_with == "graph"
    assert "hidden" in step.note


class RaisingModel(TinyModel):
    error = ValueError("no such thing")

    def call(self, token_ids, training=False, project=True):
        if training:
            raise self.error
        return super().call(token_ids, project=project)


@pytest.mark.parametrize("compile", COMPILATIONS)
def test_a_model_that_raises_is_the_models_failure(compile):
    with pytest.raises(PluginFailure, match="The model raised ValueError: no such thing"):
        weights_after([[draw_batch(4)]], RaisingModel(), compile=compile)


class FailingModel(TinyModel):
    def call(self, token_ids, training=False, project=True):
        outputs = super().call(token_ids, training=training, project=project)
        with tf.control_dependencies([tf.debugging.assert_less(token_ids, 5)]):
            return tf.identity(outputs)


def test_an_operation_that_fails_is_the_models_failure():
    with pytest.raises(PluginFailure, match="failed in training"):
        weights_after([[draw_batch(4)]], FailingModel(), compile="graph")


# ---- float16's scaled loss --------------------------------------------------------------------


@pytest.mark.parametrize("compile", COMPILATIONS)
def test_a_scaled_loss_gives_the_same_update_and_the_true_norm(compile):
    batch = draw_batch(4)
    expected, (plain,), _ = weights_after([[batch]], clip_norm=0.1)
    model = TinyModel()
    step, _ = make_step(model, settings(clip_norm=0.1, compile=compile), float16=True)
    result = step([batch], 0.5)
    assert_close(values_of(model.trainable_variables), expected, 1e-5)
    np.testing.assert_allclose(float(result.gradient_norm), float(plain.gradient_norm), rtol=1e-4)
    assert bool(result.finite)


def test_a_scaled_gradient_that_overflows_is_passed_over_without_alarm():
    model = poisoned("gradient")
    step, optimizer = make_step(model, settings(clip_norm=1.0, compile="graph"), float16=True)
    before = values_of(model.trainable_variables)
    scale = float(optimizer.dynamic_scale)
    result = step([draw_batch(4)], 0.5)
    assert bool(result.finite)
    assert float(optimizer.dynamic_scale) < scale
    for old, new in zip(before, values_of(model.trainable_variables), strict=True):
        np.testing.assert_array_equal(old, new)


# ---- streams ----------------------------------------------------------------------------------


def stream(count, rows=3, seed=0, afresh=(0,)):
    token_ids = np.random.default_rng(seed).integers(4, 13, (rows, count * TIME + 1))
    token_ids = token_ids.astype(np.int32)
    return [
        Batch(
            inputs=token_ids[:, start : start + TIME],
            targets=token_ids[:, start + 1 : start + TIME + 1],
            starts_afresh=number in afresh,
        )
        for number, start in enumerate(range(0, count * TIME, TIME))
    ]


def losses_by_hand(model, batches, remembered=None):
    """The loss of each batch, its state carried by hand, weights untouched."""
    losses, state = [], None
    for batch in batches:
        if state is None or batch.starts_afresh:
            state = model.initial_state(batch.inputs.shape[0])
            read = np.zeros((batch.inputs.shape[0], 0), np.int32)
        if remembered is not None and read.shape[1] + TIME > model.state_capacity:
            read = read[:, read.shape[1] - remembered :]
            state = model.initial_state(batch.inputs.shape[0])
            _, state = model.advance(tf.constant(read), state)
        logits, state = model.advance(tf.constant(batch.inputs), state)
        read = np.concatenate([read, batch.inputs], axis=1)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(batch.targets, logits)
        losses.append(float(tf.reduce_sum(loss)))
    return losses


@pytest.mark.parametrize("compile", COMPILATIONS)
def test_a_state_is_carried_from_batch_to_batch_and_reset_where_a_batch_starts_afresh(compile):
    batches = stream(6, afresh=(0, 4))
    model = TinyModel()
    expected = losses_by_hand(model, batches)
    _, results, _ = weights_after(
        [[batch] for batch in batches], model, carries_state=True, rate=0.0, compile=compile
    )
    np.testing.assert_allclose([float(each.loss_sum) for each in results], expected, rtol=1e-5)


@pytest.mark.parametrize("compile", COMPILATIONS)
def test_an_epoch_that_starts_in_the_middle_of_an_update_resets_the_state_there(compile):
    batches = stream(6, afresh=(0, 3))
    model = TinyModel()
    expected = losses_by_hand(model, batches)
    groups = [batches[:2], batches[2:4], batches[4:]]
    _, results, _ = weights_after(
        groups, model, carries_state=True, rate=0.0, compile=compile, accumulate=2
    )
    found = [float(each.loss_sum) for each in results]
    np.testing.assert_allclose(found, np.reshape(expected, (3, 2)).sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("compile", COMPILATIONS)
def test_a_full_state_is_replaced_by_one_that_has_seen_the_last_half(compile):
    batches = stream(9, afresh=(0,))
    model = CappedModel()
    half = model.state_capacity // 2
    expected = losses_by_hand(model, batches, remembered=half)
    assert np.isfinite(expected).all()
    _, results, _ = weights_after(
        [[batch] for batch in batches], model, carries_state=True, rate=0.0, compile=compile
    )
    np.testing.assert_allclose([float(each.loss_sum) for each in results], expected, rtol=1e-5)


def test_a_state_without_room_for_more_than_a_window_starts_afresh_with_each():
    class WindowModel(CappedModel):
        state_capacity = TIME

    batches, model = stream(4), WindowModel()
    _, results, _ = weights_after(
        [[batch] for batch in batches], model, carries_state=True, rate=0.0
    )
    alone = [losses_by_hand(model, [batch])[0] for batch in stream(4, afresh=range(4))]
    np.testing.assert_allclose([float(each.loss_sum) for each in results], alone, rtol=1e-5)


def test_no_gradient_flows_back_over_the_border_of_a_batch():
    first, second = stream(2)
    model = TinyModel()
    _, state = model.advance(tf.constant(first.inputs), model.initial_state(3))
    with tf.GradientTape() as tape:
        logits, _ = model.advance(tf.constant(second.inputs), state)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(second.targets, logits)
        mean = tf.reduce_mean(loss)
    gradients = tape.gradient(mean, [each.value for each in model.trainable_variables])
    before = values_of(model.trainable_variables)
    expected = [
        old - tf.convert_to_tensor(gradient).numpy()
        for old, gradient in zip(before, gradients, strict=True)
    ]
    step, _ = make_step(model, settings(), carries_state=True)
    step([first], 0.0)
    step([second], 1.0)
    assert_close(values_of(model.trainable_variables), expected)
