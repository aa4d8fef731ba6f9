"""The LSTM builder: its options, and what they make of the model."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from textgen_models.lstm import LSTMBuilder


def variables(builder):
    return {variable.path: variable.numpy() for variable in builder.build(11, 8).variables}


@pytest.mark.parametrize(
    ("options", "units"),
    [
        ({}, (256, 256)),
        ({"units": (7,), "layers": 3}, (7, 7, 7)),
        ({"units": (7, 5)}, (7, 5)),
        ({"units": (7, 5), "layers": 2}, (7, 5)),
    ],
)
def test_units_are_repeated_or_given_for_each_layer(options, units):
    assert LSTMBuilder(**options).layer_units == units


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": ()}, "at least one size"),
        ({"units": (7, 5), "layers": 3}, "2 sizes for 3 layers"),
        ({"implementation": "cudnn", "recurrent_dropout": 0.1}, "use loop"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LSTMBuilder(**options)


def test_glorot_starts_with_a_forget_bias_of_one_and_small_embeddings():
    weights = variables(LSTMBuilder(units=(5,), layers=1, embedding=400))
    bias = weights["lstm/layer_1/lstm/lstm_cell/bias"]
    np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], 5))
    assert weights["lstm/embedding/embeddings"].std() == pytest.approx(0.01, rel=0.1)
    recurrent = weights["lstm/layer_1/lstm/lstm_cell/recurrent_kernel"]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(5), atol=1e-5)


def test_uniform_draws_every_parameter_within_the_scale_and_none_twice():
    builder = LSTMBuilder(units=(30, 30), initialiser="uniform", scale=0.05)
    weights = {path: value for path, value in variables(builder).items() if "seed" not in path}
    for path, value in weights.items():
        assert 0.03 < np.abs(value).max() <= 0.05, path
    first, second = (weights[f"lstm/layer_{layer}/lstm/lstm_cell/bias"] for layer in (1, 2))
    assert not np.array_equal(first, second)


def test_a_tied_output_adds_no_matrix_and_narrows_only_where_sizes_differ():
    alike = variables(LSTMBuilder(units=(6,), layers=1, embedding=6, tie=True))
    unlike = variables(LSTMBuilder(units=(5,), layers=1, embedding=6, tie=True))
    assert "lstm/output/kernel" not in alike
    assert "lstm/narrowing/kernel" not in alike
    assert unlike["lstm/narrowing/kernel"].shape == (5, 6)


def test_tied_logits_are_products_with_the_embeddings():
    model = LSTMBuilder(units=(6,), layers=1, embedding=6, tie=True).build(11, 8)
    hidden = tf.random.stateless_normal((2, 6), seed=(1, 2))
    expected = hidden.numpy() @ model.embedding.embeddings.numpy().T
    np.testing.assert_allclose(model.project(hidden), expected, atol=1e-6)


def test_an_lstm_offers_no_state_capacity():
    assert not hasattr(LSTMBuilder(units=(3,)).build(11, 8), "state_capacity")


def test_without_dropout_training_changes_nothing():
    model = LSTMBuilder(units=(5,), dropout=0.0).build(11, 8)
    token_ids = tf.constant([[1, 2, 3]])
    np.testing.assert_array_equal(model(token_ids, training=True), model(token_ids))
