"""The causal convolution: its sums by hand, and what it holds between calls."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from textgen_models.convolution import CausalConvolution


def built(kernel):
    layer = CausalConvolution(len(kernel), name="convolution")
    layer.build((None, None, len(kernel[0])))
    layer.kernel.assign(kernel)
    return layer


def test_a_new_convolution_changes_nothing():
    layer = CausalConvolution(3, name="convolution")
    layer.build((None, None, 2))
    inputs = tf.random.stateless_normal((2, 5, 2), seed=(1, 2))
    np.testing.assert_array_equal(layer(inputs)[0], inputs)


def test_each_feature_gets_its_own_weighted_sum_of_its_last_values():
    layer = built([[100.0, 0.0], [10.0, 0.0], [1.0, 5.0]])
    inputs = tf.constant([[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]])
    expected = [[1 + 1, 1 + 5], [2 + 12, 2 + 10], [3 + 123, 3 + 15]]
    np.testing.assert_allclose(layer(inputs)[0], [expected])


def test_what_is_held_is_seen_as_if_it_stood_before():
    layer = built(np.random.default_rng(1).normal(size=(4, 3)))
    inputs = tf.random.stateless_normal((2, 6, 3), seed=(1, 2))
    whole, held = layer(inputs)
    first, held_before = layer(inputs[:, :1])
    rest, held_after = layer(inputs[:, 1:], held_before)
    np.testing.assert_allclose(tf.concat([first, rest], axis=1), whole, atol=1e-6)
    np.testing.assert_array_equal(held_after, held)
    np.testing.assert_array_equal(held, inputs[:, -3:])
