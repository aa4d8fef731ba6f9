from __future__ import annotations

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf
from generation.fake_models import AdvancingSumModel, TableModel, language_model, random_table

from textgen_core.errors import PluginFailure
from textgen_core.generation import Generator
from textgen_core.generation.loop import held_after
from textgen_core.generation.tensorflow_runtime import READ_ONE_BY_ONE


@pytest.mark.parametrize("capacity", [1, 2, 3, 7, 8])
def test_what_a_state_holds_is_what_feeding_one_by_one_leaves(capacity):
    held = 0
    for count in range(1, 60):
        held = capacity // 2 + 1 if held == capacity else held + 1
        assert held_after(count, capacity) == held
    assert held_after(0, capacity) == 0


def test_without_a_capacity_everything_is_held():
    assert held_after(10_000, None) == 10_000


class InterpretedModel(TableModel):
    """Calls back into Python, which XLA cannot compile."""

    def call(self, token_ids, training=False):
        logits = tf.numpy_function(lambda ids: self.table.numpy()[ids], [token_ids], tf.float32)
        return tf.ensure_shape(logits, (*token_ids.shape, self.table.shape[0]))


def test_what_xla_cannot_compile_runs_as_a_graph_and_writes_the_same():
    table = random_table()
    arguments = {"max_new_tokens": 20, "seed": 0}
    compiled = Generator(language_model(TableModel(table)), []).generate(["ab"], **arguments)
    fallen_back = Generator(language_model(InterpretedModel(table)), [])
    found = fallen_back.generate(["ab"], **arguments)
    assert (compiled.compiled_with, found.compiled_with) == ("xla", "graph")
    assert found.samples[0].text == compiled.samples[0].text


class RaisingModel(TableModel):
    def call(self, token_ids, training=False):
        raise ZeroDivisionError("no luck")


class ShortModel(TableModel):
    def call(self, token_ids, training=False):
        return super().call(token_ids)[..., 1:]


class GrowingModel(AdvancingSumModel):
    def advance(self, token_ids, state):
        logits, state = super().advance(token_ids, state)
        return logits, {"sum": tf.concat([state["sum"], state["sum"]], axis=0)}


class ForgetfulModel(AdvancingSumModel):
    def advance(self, token_ids, state):
        return super().advance(token_ids, state)[0], {}


class FailingModel(TableModel):
    """Fails when it is run, not when it is compiled."""

    def call(self, token_ids, training=False):
        def fail(ids):
            raise ValueError("out of luck")

        logits = tf.numpy_function(fail, [token_ids], tf.float32)
        return tf.ensure_shape(logits, (*token_ids.shape, self.table.shape[0]))


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (RaisingModel, "The model raised ZeroDivisionError: no luck"),
        (ShortModel, "The model returned logits of shape \\(1, 29\\)"),
        (GrowingModel, "The model turned a state of shape \\(1,\\), int32"),
        (ForgetfulModel, "The model raised ValueError"),
        (FailingModel, "The model or a sampler failed: .*out of luck"),
    ],
)
@pytest.mark.parametrize("prompt", ["", "abc"])
def test_a_model_that_breaks_its_contract_is_named(model, problem, prompt):
    generator = Generator(language_model(model(random_table())), [])
    with pytest.raises(PluginFailure, match=problem):
        generator.generate([prompt], max_new_tokens=3, seed=0, compile="graph")


@pytest.mark.parametrize(
    ("length", "fed"),
    [  # <START> comes before it, and the loop feeds the last token
        (READ_ONE_BY_ONE, [1]),
        (READ_ONE_BY_ONE + 1, [1, READ_ONE_BY_ONE + 1]),
    ],
)
def test_a_long_prompt_is_fed_in_one_call_and_a_short_one_token_by_token(length, fed):
    model = AdvancingSumModel(random_table())
    generator = Generator(language_model(model), [])
    generation = generator.generate(["a" * length], max_new_tokens=3, seed=0)
    assert sorted(set(model.fed)) == fed
    assert len(generation.samples[0].token_ids) == 3


def test_log_probabilities_are_the_models_own():
    table = random_table()
    logits = table.astype(np.float64)
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    generation = Generator(language_model(TableModel(table)), []).generate(
        ["a"], max_new_tokens=30, seed=0
    )
    [sample] = generation.samples
    before = [4, *sample.token_ids[:-1]]
    np.testing.assert_allclose(
        sample.log_probabilities, expected[before, list(sample.token_ids)], atol=1e-5
    )
    assert isinstance(sample.log_probabilities[0], float)


def test_new_weights_are_used_without_compiling_again():
    inputs = keras.Input((None,), dtype="int32")
    model = keras.Model(inputs, keras.layers.Embedding(30, 30)(inputs))
    table = random_table(seed=0)
    model.layers[-1].embeddings.assign(table)
    generator = Generator(language_model(model), [])
    arguments = {"max_new_tokens": 20, "seed": 0}
    before = generator.generate(["a"], **arguments)
    model.layers[-1].embeddings.assign(random_table(seed=1))
    after = generator.generate(["a"], **arguments)
    assert before.compile_seconds > 0
    assert after.compile_seconds == 0
    assert after.samples[0].text != before.samples[0].text


def test_batches_of_many_sizes_make_tensorflow_complain_of_nothing(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("tensorflow"), "propagate", True)
    generator = Generator(language_model(AdvancingSumModel(random_table())), [])
    for size in range(1, 8):
        generator.generate(["ab"] * size, max_new_tokens=1, seed=0, compile="graph")
    assert caplog.messages == []
