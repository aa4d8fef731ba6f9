"""What counts add to the network's logits: the gradient by hand, and every way it is computed."""

import attrs
import numpy as np
import pytest
import tensorflow as tf
from training.tiny import (
    TIME,
    VOCABULARY,
    TinyModel,
    draw_batch,
    make_step,
    settings,
    split_batch,
    values_of,
)

from textgen_core.training import gradient as gradient_module
from textgen_core.training.loss import cross_entropy, projected_cross_entropy

WIDTH, ROWS = 4, 12


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def with_counts(batch, seed=7):
    shape = (*batch.inputs.shape, VOCABULARY)
    drawn = np.random.default_rng(seed).dirichlet([0.1] * VOCABULARY, shape[:2]) + 1e-6
    return attrs.evolve(batch, count_logits=0.9 * np.log(drawn).astype(np.float32))


def assert_close(one, other, tolerance=2e-6):
    for found, expected in zip(one, other, strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_gradient_is_that_of_the_mixture_smoothed_as_a_whole(smoothing):
    random = np.random.default_rng(2)
    logits = tf.constant(random.normal(size=(3, VOCABULARY)), tf.float32)
    counts = random.normal(size=(3, VOCABULARY)).astype(np.float32)
    targets = np.array([4, 0, 7], np.int32)  # the second is padding
    with tf.GradientTape() as tape:
        tape.watch(logits)
        found = cross_entropy(logits, tf.constant(targets), smoothing, counts)
    mixture = softmax(logits.numpy() + counts)
    wanted = (1 - smoothing) * np.eye(VOCABULARY)[targets] + smoothing / VOCABULARY
    by_hand = (mixture - wanted) * (targets != 0)[:, None]
    np.testing.assert_allclose(tape.gradient(found.objective, logits), by_hand, atol=1e-6)
    plain = -np.log(mixture[[0, 2], [4, 7]]).sum()
    np.testing.assert_allclose(found.plain, plain, rtol=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_sum_with_narrow_logits_is_a_float32(precision):
    """In bfloat16 a logit of 100 and a count of 0.1 make 100."""
    logits = tf.cast(tf.fill((1, VOCABULARY), 100.0), precision)
    counts = np.linspace(0, 0.1, VOCABULARY, dtype=np.float32)[None]
    found = cross_entropy(logits, np.array([5], np.int32), 0.0, counts)
    np.testing.assert_allclose(found.plain, -np.log(softmax(counts)[0, 5]), rtol=1e-4)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled regions"])
def test_in_chunks_each_position_gets_its_own_counts(compiled):
    random = np.random.default_rng(3)
    hidden = tf.constant(random.normal(size=(ROWS, WIDTH)), tf.float32)
    matrix = tf.Variable(random.normal(size=(WIDTH, VOCABULARY)).astype(np.float32))
    counts = tf.constant(random.normal(size=(ROWS, VOCABULARY)), tf.float32)
    targets = tf.constant(random.integers(0, VOCABULARY, ROWS), tf.int32)

    def gradients(loss_of):
        with tf.GradientTape() as tape:
            tape.watch(hidden)
            loss = loss_of()
        return [loss.plain, *tape.gradient(loss.objective, [hidden, matrix])]

    whole = gradients(lambda: cross_entropy(hidden @ matrix, targets, 0.1, counts))
    chunked = tf.function(gradients)(
        lambda: projected_cross_entropy(
            hidden,
            lambda some: some @ matrix,
            targets,
            rows_at_once=5,
            label_smoothing=0.1,
            count_logits=counts,
            compiled=compiled,
        )
    )
    assert_close(chunked, whole, 1e-5)


def test_a_step_moves_the_bias_by_the_mixtures_mean_error():
    model, batch = TinyModel(), with_counts(draw_batch(4))
    logits = model(batch.inputs, training=True).numpy()
    error = softmax(logits + batch.count_logits) - np.eye(VOCABULARY)[batch.targets]
    before = model.head.bias.numpy()
    step, _ = make_step(model, settings())
    result = step([batch], 0.5)
    by_hand = before - 0.5 * error.mean(axis=(0, 1))
    np.testing.assert_allclose(model.head.bias.numpy(), by_hand, atol=1e-6)
    assert float(result.tokens) == 4 * TIME


def trained(groups, micro_batches=1, carries_state=False, **changes):
    model = TinyModel()
    step, _ = make_step(model, settings(**changes), carries_state)
    step._update.micro_batches = micro_batches
    results = [step(group, 0.5) for group in groups]
    return values_of(model.trainable_variables), [float(each.loss_sum) for each in results]


@pytest.mark.parametrize("compile", ["eager", "graph", "xla", "mixed"])
def test_every_way_to_compute_a_step_mixes_alike(compile, monkeypatch):
    """In chunks, in micro-batches and from two batches, as it is compiled, with padding."""
    whole = with_counts(draw_batch(6, padding=1))
    expected, losses = trained([[whole]], label_smoothing=0.1)
    parts = [
        attrs.evolve(part, count_logits=counts)
        for part, counts in zip(split_batch(whole, 2), np.split(whole.count_logits, 2), strict=True)
    ]
    if compile == "mixed":
        monkeypatch.setattr(
            "textgen_core.training.step.TrainingStep._choose_compilation",
            lambda step: ("mixed", ""),
        )
    monkeypatch.setattr(
        gradient_module, "chunk_rows", lambda rows, vocabulary_size: min(7, rows - 1)
    )
    chosen = "auto" if compile == "mixed" else compile
    found, others = trained([parts], micro_batches=2, label_smoothing=0.1, compile=chosen)
    assert_close(found, expected, 1e-5)
    np.testing.assert_allclose(others, losses, rtol=1e-5)


def test_streams_mix_with_their_state_carried_on():
    groups = [[with_counts(draw_batch(4, seed, starts_afresh=not seed))] for seed in range(3)]
    expected, losses = trained(groups, carries_state=True)
    found, others = trained(groups, carries_state=True, micro_batches=2, compile="graph")
    assert_close(found, expected, 1e-5)
    np.testing.assert_allclose(others, losses, rtol=1e-5)
    alone = [[attrs.evolve(batch, count_logits=None) for batch in group] for group in groups]
    assert trained(alone, carries_state=True)[1][0] != losses[0]
