"""What training will need, told from the graph: what is kept, what is not, and how it grows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from training.tiny import TIME, VOCABULARY, TinyModel, settings, values_of, wrap

from textgen_core.config.resolve import configure
from textgen_core.models.build import build_language_model
from textgen_core.registry.discovery import discover
from textgen_core.training import memory as memory_module
from textgen_core.training.memory import training_memory, weight_bytes


def needed(model, batch_size=1000, **changes):
    given = {"optimizer": "sgd", **changes}
    return training_memory(wrap(model), settings(**given), batch_size)


def test_weights_gradient_and_moments_are_counted_by_the_optimizer():
    numbers = sum(int(np.prod(each.shape)) for each in TinyModel().variables)
    assert weight_bytes(wrap(TinyModel())) == 4 * numbers
    plain = needed(TinyModel(), 1)
    assert plain >= 2 * 4 * numbers
    assert needed(TinyModel(), 1, optimizer="adam") == plain + 2 * 4 * numbers
    assert needed(TinyModel(), 1, accumulate=2) == plain + 4 * numbers


def test_what_the_forward_pass_keeps_grows_with_the_batch():
    one, two, four = (needed(TinyModel(), size) for size in (1000, 2000, 4000))
    assert four - two == pytest.approx(2 * (two - one), rel=0.01)
    hidden = 1000 * TIME * 6 * 4  # bytes of one activation of 1,000 rows
    assert 2 * hidden < two - one < 20 * hidden


def test_the_logits_are_those_of_one_chunk_where_a_model_offers_project(monkeypatch):
    class Whole(TinyModel):
        project = property()  # reading it raises AttributeError

        def _run(self, token_ids, state, training, project):
            hidden, state = super()._run(token_ids, state, training, False)
            return self.head(hidden), state

    monkeypatch.setattr(memory_module, "chunk_rows", lambda rows, vocabulary_size: 10)
    chunked, whole = needed(TinyModel()), needed(Whole())
    assert whole - chunked >= 3 * 4 * (1000 * TIME - 10) * VOCABULARY


def described(precision="float32", **changes):
    spec = "transformer:layers=4,heads=2,head_size=16,dropout=0.0"
    chosen = configure({"model": spec}, discover(), recipe="first").model
    from training.tiny import build_tokenizer

    language_model = build_language_model(
        chosen, build_tokenizer(), context_length=64, precision=precision, seed=1
    )
    return language_model, training_memory(language_model, settings(**changes), 64)


def test_recomputation_keeps_less_and_is_left_as_it_was():
    language_model, kept = described()
    assert described(recompute=True)[1] < 0.6 * kept
    assert language_model.model.recompute is False


def test_half_precision_halves_what_is_kept():
    assert described("bfloat16")[1] < 0.8 * described()[1]


def test_nothing_is_computed_and_nothing_is_changed():
    model = TinyModel(dropout=0.5)
    before = values_of(model.variables)
    training_memory(wrap(model), settings(), 10**7)  # 78 GB of embedded tokens
    for one, two in zip(before, values_of(model.variables), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_model_of_keras_layers_alone_is_told_too():
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(VOCABULARY, 8),
            keras.layers.LSTM(8, return_sequences=True),
            keras.layers.Dense(VOCABULARY),
        ]
    )
    assert needed(model, 64) > 64 * TIME * (8 + VOCABULARY) * 4


def test_a_model_whose_shapes_are_unknown_is_told_as_well_as_can_be():
    class Unknown(TinyModel):
        def _run(self, token_ids, state, training, project):
            outputs, state = super()._run(token_ids, state, training, project)
            shape = tf.concat([tf.shape(outputs)[:2], [-1]], axis=0)
            return tf.reshape(outputs * 2.0, tf.where([True] * 3, shape, shape)), state

    assert needed(Unknown(), 2) > 0
