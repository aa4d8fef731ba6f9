"""Dropout by hashing: the right share, the right scale, and masks that have nothing in common."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgen_models.dropout import draw_seed, drop, seed_at

SHAPE = (40, 50, 60)
SEED = tf.constant([7, 3, 0])


def kept(rate=0.5, seed=SEED, shape=SHAPE):
    return drop(tf.ones(shape), rate, seed).numpy() > 0


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_is_dropped_and_the_mean_stays(rate):
    dropped = drop(tf.ones(SHAPE), rate, SEED).numpy()
    assert (dropped == 0).mean() == pytest.approx(rate, abs=0.01)
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / (1 - rate))}


def test_every_row_and_column_loses_about_the_same():
    mask = kept()
    for axes in ((0, 1), (0, 2), (1, 2)):
        np.testing.assert_allclose(mask.mean(axis=axes), 0.5, atol=0.06)


@pytest.mark.parametrize("other", [[7, 4, 0], [8, 3, 0], [9, 3, 0], [3, 7, 0]])
def test_masks_of_different_seeds_have_nothing_in_common(other):
    assert (kept() == kept(seed=tf.constant(other))).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("distance", [1, 2, 32, 60, 256])
def test_neighbours_in_a_mask_have_nothing_in_common(distance):
    mask = kept().ravel()
    assert (mask[distance:] == mask[:-distance]).mean() == pytest.approx(0.5, abs=0.01)


def test_rows_have_the_mask_of_their_place_in_the_whole_batch_on_either_axis():
    whole = kept()
    rest = kept(seed=tf.constant([7, 3, 16]), shape=(24, 50, 60))
    np.testing.assert_array_equal(rest, whole[16:])
    by_time = drop(tf.ones((50, 24, 60)), 0.5, tf.constant([7, 3, 16]), rows_axis=1).numpy() > 0
    np.testing.assert_array_equal(by_time.transpose(1, 0, 2), rest)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_a_seed_means_the_same_mask_however_it_is_compiled(jit_compile):
    compiled = tf.function(drop, jit_compile=jit_compile)
    found = compiled(tf.ones((4, 5)), 0.5, SEED)
    np.testing.assert_array_equal(found, drop(tf.ones((4, 5)), 0.5, SEED))


def test_the_gradient_is_scaled_where_a_unit_was_kept_and_zero_elsewhere():
    inputs = tf.ones((4, 5))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = drop(inputs, 0.5, SEED)
        loss = tf.reduce_sum(outputs)
    np.testing.assert_array_equal(tape.gradient(loss, inputs), outputs)


def test_nothing_is_dropped_without_a_seed_or_a_rate():
    inputs = tf.ones((4, 5))
    assert drop(inputs, 0.5, seed_at(None, 1)) is inputs
    assert drop(inputs, 0.0, SEED) is inputs


def test_a_generator_gives_another_seed_each_time():
    generator = keras.random.SeedGenerator(2**31)  # a base that an int32 cannot hold
    first, second = draw_seed(generator), draw_seed(generator)
    assert first.dtype == tf.int32
    assert not np.array_equal(first, second)
