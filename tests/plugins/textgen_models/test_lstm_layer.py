"""Which implementation a layer chooses, and that both mean the same."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgen_models.lstm_layer import LSTMLayer


def yes():
    return True


def no():
    return False


def layer(**arguments):
    lstm = keras.layers.LSTM(
        5, return_sequences=True, return_state=True, dtype="float32", name="lstm"
    )
    return LSTMLayer(lstm, name="layer", **arguments)


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ({"gpu": no}, False),
        ({"gpu": yes}, True),
        ({"gpu": yes, "recurrent_dropout": 0.1}, False),
        ({"gpu": yes, "implementation": "loop"}, False),
        ({"gpu": no, "implementation": "cudnn"}, True),
    ],
)
def test_cudnn_is_chosen_on_a_gpu_unless_it_cannot_or_may_not(arguments, chosen):
    assert layer(**arguments).uses_cudnn is chosen


def test_a_layer_on_cudnn_says_that_xla_cannot_compile_it():
    assert not layer(gpu=yes).supports_jit
    assert layer(gpu=no).supports_jit


def test_both_implementations_give_the_same_from_the_same_weights():
    keras.utils.set_random_seed(1)
    on_gpu, on_cpu = layer(gpu=yes), layer(gpu=no)
    for each in (on_gpu, on_cpu):
        each.build((None, None, 4))
    on_cpu.set_weights(on_gpu.get_weights())
    random = np.random.default_rng(2)
    inputs = tf.constant(random.normal(size=(6, 3, 4)), tf.float32)
    hidden, cell = (tf.constant(random.normal(size=(3, 5)), tf.float32) for _ in range(2))
    for one, other in zip(on_gpu(inputs, hidden, cell), on_cpu(inputs, hidden, cell), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_recurrent_dropout_drops_the_same_for_the_same_seed_and_nothing_without_one():
    keras.utils.set_random_seed(1)
    dropping = layer(recurrent_dropout=0.5)
    inputs, state = tf.ones((6, 3, 4)), tf.ones((3, 5))
    seed, other = tf.constant([1, 2, 0]), tf.constant([1, 3, 0])

    def outputs(seed):
        return dropping(inputs, state, state, seed=seed)[0].numpy()

    np.testing.assert_array_equal(outputs(seed), outputs(seed))
    assert not np.allclose(outputs(seed), outputs(other))
    assert not np.allclose(outputs(seed), outputs(None))
