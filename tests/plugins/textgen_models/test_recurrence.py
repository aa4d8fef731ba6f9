"""The hand-written loop against keras.layers.LSTM: same weights, same outputs, same gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgen_models.lstm_layer import LSTMLayer
from textgen_models.recurrence import lstm_over_time

TIME, BATCH, WIDTH, UNITS = 6, 3, 4, 5
TOLERANCE = 1e-5


@pytest.fixture
def keras_lstm():
    keras.utils.set_random_seed(1)
    lstm = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True)
    lstm.build((None, None, WIDTH))
    lstm.cell.bias.assign(np.random.default_rng(2).normal(size=4 * UNITS))
    return lstm


@pytest.fixture
def tensors():
    random = np.random.default_rng(3)
    shapes = {
        "inputs": (TIME, BATCH, WIDTH),
        "hidden": (BATCH, UNITS),
        "cell": (BATCH, UNITS),
        "d_outputs": (TIME, BATCH, UNITS),
        "d_hidden": (BATCH, UNITS),
        "d_cell": (BATCH, UNITS),
    }
    return {
        name: tf.constant(random.normal(size=shape), tf.float32) for name, shape in shapes.items()
    }


def loop(lstm):
    return LSTMLayer(lstm, implementation="loop", name="layer")


def outputs_and_gradients(run, lstm, tensors):
    """Return outputs and last states, then the gradients of inputs, first states and weights."""
    inputs, hidden, cell = tensors["inputs"], tensors["hidden"], tensors["cell"]
    with tf.GradientTape() as tape:
        tape.watch([inputs, hidden, cell])
        results = run(inputs, hidden, cell)
        weighed = zip(results, (tensors["d_outputs"], tensors["d_hidden"], tensors["d_cell"]))
        loss = tf.add_n([tf.reduce_sum(result * weight) for result, weight in weighed])
    weights = [variable.value for variable in lstm.trainable_variables]
    return [*results, *tape.gradient(loss, [inputs, hidden, cell, *weights])]


def as_keras(lstm):
    def run(inputs, hidden, cell):
        outputs, hidden, cell = lstm(tf.transpose(inputs, (1, 0, 2)), initial_state=[hidden, cell])
        return tf.transpose(outputs, (1, 0, 2)), hidden, cell

    return run


@pytest.mark.parametrize("compiled", ["eager", "graph", "xla"])
def test_the_loop_equals_keras_in_outputs_states_and_every_gradient(keras_lstm, tensors, compiled):
    layer = loop(keras_lstm)

    def measured():
        return outputs_and_gradients(layer, keras_lstm, tensors)

    if compiled != "eager":
        measured = tf.function(measured, jit_compile=compiled == "xla")
    expected = outputs_and_gradients(as_keras(keras_lstm), keras_lstm, tensors)
    for found, wanted in zip(measured(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=TOLERANCE, rtol=TOLERANCE)


def test_the_loop_accepts_a_batch_and_a_time_known_only_at_run_time(keras_lstm, tensors):
    layer = loop(keras_lstm)
    anything = [
        tf.TensorSpec((None, None, WIDTH)),
        tf.TensorSpec((None, UNITS)),
        tf.TensorSpec((None, UNITS)),
    ]
    run = tf.function(
        lambda *arguments: layer(*arguments), input_signature=anything, autograph=False
    )
    arguments = (tensors["inputs"], tensors["hidden"], tensors["cell"])
    for found, wanted in zip(run(*arguments), layer(*arguments), strict=True):
        np.testing.assert_allclose(found, wanted, atol=TOLERANCE)


def test_one_step_equals_a_loop_over_one_step(keras_lstm, tensors):
    arguments = (tensors["inputs"][:1], tensors["hidden"], tensors["cell"])
    expected = as_keras(keras_lstm)(*arguments)
    for found, wanted in zip(loop(keras_lstm)(*arguments), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=TOLERANCE)


def test_two_halves_with_carried_state_equal_the_whole(keras_lstm, tensors):
    layer = loop(keras_lstm)
    whole, last_hidden, _ = layer(tensors["inputs"], tensors["hidden"], tensors["cell"])
    first, hidden, cell = layer(tensors["inputs"][:2], tensors["hidden"], tensors["cell"])
    second, hidden, cell = layer(tensors["inputs"][2:], hidden, cell)
    np.testing.assert_allclose(tf.concat([first, second], axis=0), whole, atol=TOLERANCE)
    np.testing.assert_allclose(hidden, last_hidden, atol=TOLERANCE)


def test_the_gradient_with_a_recurrent_mask_is_that_of_plain_differentiation(tensors):
    random = np.random.default_rng(4)
    recurrent_kernel = tf.constant(random.normal(size=(UNITS, 4 * UNITS)), tf.float32)
    projected = tf.constant(random.normal(size=(TIME, BATCH, 4 * UNITS)), tf.float32)
    bias = tf.constant(random.normal(size=4 * UNITS), tf.float32)
    mask = tf.constant(random.integers(0, 2, size=(BATCH, UNITS)) * 2, tf.float32)

    def unrolled(projected, recurrent_kernel, bias, hidden, cell):
        # Single steps run outside the hand-written gradient.
        outputs = []
        for time in range(TIME):
            step = projected[time : time + 1]
            output, hidden, cell = lstm_over_time(step, recurrent_kernel, bias, hidden, cell, mask)
            outputs.append(output)
        return tf.concat(outputs, axis=0), hidden, cell

    def differentiated(run):
        sources = (projected, recurrent_kernel, bias, tensors["hidden"], tensors["cell"])
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs, hidden, cell = run(*sources)
            loss = tf.reduce_sum(outputs * tensors["d_outputs"])
            loss += tf.reduce_sum(hidden * cell)
        return [outputs, *tape.gradient(loss, sources)]

    found = differentiated(lambda *sources: lstm_over_time(*sources, mask))
    for result, wanted in zip(found, differentiated(unrolled), strict=True):
        np.testing.assert_allclose(result, wanted, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("masked", [False, True])
def test_compiled_loops_equal_the_others_in_every_gradient(masked):
    random, rows = np.random.default_rng(5), 9
    state = (rows, UNITS)
    shapes = ((TIME, rows, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,), state, state)
    sources = [tf.constant(random.normal(size=shape), tf.float32) for shape in shapes]
    weights = tf.constant(random.normal(size=(TIME, rows, UNITS)), tf.float32)
    mask = tf.constant(random.integers(0, 2, size=(rows, UNITS)) * 2, tf.float32)

    def differentiated(compiled):
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs, hidden, cell = lstm_over_time(*sources, mask if masked else None, compiled)
            loss = tf.reduce_sum(outputs * weights) + tf.reduce_sum(hidden * cell)
        return [outputs, hidden, cell, *tape.gradient(loss, sources)]

    found = tf.function(lambda: differentiated(True), autograph=False)()
    for result, wanted in zip(found, differentiated(False), strict=True):
        np.testing.assert_allclose(result, wanted, atol=TOLERANCE, rtol=TOLERANCE)


def test_the_large_products_follow_the_inputs_dtype_and_the_recurrence_stays_float32(keras_lstm):
    random = np.random.default_rng(6)
    inputs = tf.constant(random.normal(size=(TIME, BATCH, WIDTH)), tf.float32)
    state = [tf.zeros((BATCH, UNITS)), tf.zeros((BATCH, UNITS))]
    layer = loop(keras_lstm)
    with tf.GradientTape() as tape:
        low, *last = layer(tf.cast(inputs, tf.bfloat16), *state)
        loss = tf.reduce_sum(low)
    gradients = tape.gradient(loss, [each.value for each in keras_lstm.trainable_variables])
    assert {each.dtype for each in (low, *last, *gradients)} == {tf.float32}
    np.testing.assert_allclose(low, layer(inputs, *state)[0], atol=0.03)
