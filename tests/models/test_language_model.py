from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from generation.fake_models import (
    AdvancingSumModel,
    SumModel,
    TableModel,
    language_model,
    random_table,
)

from textgen_core.errors import PluginFailure

TOKEN_IDS = tf.constant([[4, 9, 5, 6, 20], [7, 8, 9, 4, 4]])


@pytest.fixture(scope="module")
def table():
    return random_table()


class ProjectingModel(AdvancingSumModel):
    """Its hidden values are the sums; `projected` notes how many positions were projected."""

    def __init__(self, table):
        super().__init__(table)
        self.projected = []

    def project(self, hidden):
        self.projected.append(hidden.shape[1])
        return tf.gather(self.table, tf.cast(hidden[..., 0], tf.int32) % self.table.shape[0])

    def advance(self, token_ids, state, project=True):
        sums = state["sum"][:, None] + tf.cumsum(token_ids, axis=1)
        hidden = tf.cast(sums, tf.float32)[..., None]
        return self.project(hidden) if project else hidden, {"sum": sums[:, -1]}


def feed_in_parts(model, parts):
    """The logits of TOKEN_IDS, fed in parts of the given sizes."""
    state = model.initial_state(2)
    logits, start = [], 0
    for size in parts:
        found, state = model.advance(TOKEN_IDS[:, start : start + size], state)
        logits.append(found)
        start += size
    return np.concatenate(logits, axis=1)


@pytest.mark.parametrize("build", [SumModel, AdvancingSumModel, ProjectingModel])
@pytest.mark.parametrize("parts", [[5], [1, 1, 1, 1, 1], [2, 3], [4, 1]])
def test_advancing_in_parts_gives_the_logits_of_the_whole(table, build, parts):
    model = language_model(build(table), context_length=5)
    np.testing.assert_array_equal(feed_in_parts(model, parts), model.logits(TOKEN_IDS))


@pytest.mark.parametrize("build", [SumModel, AdvancingSumModel, ProjectingModel])
def test_the_last_logits_are_those_of_the_last_position(table, build):
    model = language_model(build(table), context_length=5)
    expected, expected_state = model.advance(TOKEN_IDS, model.initial_state(2))
    logits, state = model.advance_to_last(TOKEN_IDS, model.initial_state(2))
    np.testing.assert_array_equal(logits, expected[:, -1])
    tf.nest.map_structure(np.testing.assert_array_equal, state, expected_state)


def test_a_model_that_can_project_projects_the_last_position_only(table):
    model = ProjectingModel(table)
    language_model(model).advance_to_last(TOKEN_IDS, model.initial_state(2))
    assert model.projected == [1]


@pytest.mark.parametrize("build", [SumModel, AdvancingSumModel, ProjectingModel])
def test_feeding_leaves_the_state_of_advancing(table, build):
    model = language_model(build(table), context_length=5)
    state = model.feed(TOKEN_IDS[:, :3], model.initial_state(2))
    logits, _ = model.advance(TOKEN_IDS[:, 3:], state)
    np.testing.assert_array_equal(logits, model.logits(TOKEN_IDS)[:, 3:])


def test_feeding_projects_nothing(table):
    model = ProjectingModel(table)
    language_model(model).feed(TOKEN_IDS, model.initial_state(2))
    assert model.projected == []


def test_logits_of_any_float_type_become_float32(table):
    class HalfModel(TableModel):
        def call(self, token_ids, training=False):
            return tf.cast(super().call(token_ids), tf.bfloat16)

    model = language_model(HalfModel(table))
    assert model.logits(TOKEN_IDS).dtype == tf.float32
    assert model.advance(TOKEN_IDS, model.initial_state(2))[0].dtype == tf.float32


def test_a_model_is_run_in_training_only_when_asked(table):
    class ModedModel(TableModel):
        def call(self, token_ids, training=False):
            return super().call(token_ids) + (1.0 if training else 0.0)

    model = language_model(ModedModel(table))
    difference = model.logits(TOKEN_IDS, training=True) - model.logits(TOKEN_IDS)
    np.testing.assert_allclose(difference, 1.0, atol=1e-5)
    state = model.initial_state(2)
    advanced = (
        model.advance(TOKEN_IDS, state, training=True)[0] - model.advance(TOKEN_IDS, state)[0]
    )
    np.testing.assert_allclose(advanced, 1.0, atol=1e-5)


def test_a_plain_model_holds_its_training_window_and_another_what_it_says(table):
    assert language_model(SumModel(table), context_length=7).state_capacity == 7
    assert language_model(AdvancingSumModel(table, 12)).state_capacity == 12
    assert language_model(AdvancingSumModel(table)).state_capacity is None


def test_a_model_that_keeps_its_contract_passes(table):
    inputs = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(30, 30)
    for model in (TableModel(table), keras.Model(inputs, embedding(inputs))):
        language_model(model).check()


def test_logits_of_another_vocabulary_are_refused(table):
    with pytest.raises(PluginFailure, match=r"shape \(1, 2, 29\)(.|\n)*Allowed: \(1, 2, 30\)"):
        language_model(TableModel(table[:, 1:])).check()


def test_an_input_that_is_not_integer_is_refused():
    inputs = keras.Input((None,))
    functional = keras.Model(inputs, keras.layers.Embedding(30, 30)(inputs))
    sequential = keras.Sequential([keras.layers.Embedding(30, 30)])
    for model in (functional, sequential):
        with pytest.raises(PluginFailure, match="takes its token ids as float32"):
            language_model(model).check()
