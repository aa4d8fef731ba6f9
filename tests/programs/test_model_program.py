"""A language model as a program: its numbers beside TensorFlow's, and what is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from generation.fake_models import AdvancingSumModel, SumModel, language_model, random_table
from programs.small_models import CAPACITY, FAST, TINY, VOCABULARY, built

from textgen_core.programs import conversion
from textgen_core.programs.model_program import model_program
from textgen_core.programs.model_steps import ModelSteps
from textgen_core.programs.program import NotConvertible
from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder


def drawn(time, rows):
    """Token ids (time, rows)."""
    return np.random.default_rng(3).integers(4, VOCABULARY, (time, rows)).astype(np.int32)


def advanced(steps, token_ids, capacity=None):
    """The logits (time, rows, vocabulary) after each token; a full state keeps half of it."""
    found = []
    for position, column in enumerate(token_ids):
        if capacity is not None and position >= capacity and not position % (capacity // 2):
            steps.restart()
            steps.feed(token_ids[position - capacity // 2 : position].T)
        found.append(steps.advance(column).copy())
    return np.stack(found)


def expected(model, token_ids, capacity=None):
    """What `advanced` must be, by TensorFlow: window by window, each in one call."""
    time, half = len(token_ids), (capacity or 0) // 2
    windows = [(0, 0, min(time, capacity or time))]
    windows += [
        (start - half, start, min(start + half, time)) for start in range(2 * half, time, half or 1)
    ][: time if capacity else 0]
    return np.concatenate(
        [
            model.logits(token_ids[begin:end].T).numpy()[:, start - begin :].swapaxes(0, 1)
            for begin, start, end in windows
        ]
    )


@pytest.fixture(scope="module")
def transformer():
    return built(TransformerBuilder(**TINY, **FAST))


@pytest.fixture(scope="module")
def programs(transformer):
    return {rows: model_program(transformer, rows) for rows in (1, 8)}


def test_a_transformer_gives_the_logits_of_tensorflow_across_its_capacity(transformer, programs):
    token_ids = drawn(40, 8)
    found = advanced(ModelSteps(programs[8]), token_ids, CAPACITY)
    np.testing.assert_allclose(found, expected(transformer, token_ids, CAPACITY), atol=1e-4)


def test_a_row_has_the_same_bits_alone_and_among_others_and_with_two_threads(programs):
    token_ids = drawn(CAPACITY, 8)
    together = advanced(ModelSteps(programs[8]), token_ids)
    alone, by_two = ModelSteps(programs[1]), ModelSteps(programs[8], threads=2)
    np.testing.assert_array_equal(advanced(by_two, token_ids), together)
    for row in range(8):
        alone.restart()
        np.testing.assert_array_equal(
            advanced(alone, token_ids[:, row : row + 1])[:, 0], together[:, row]
        )


def test_of_a_cache_only_what_is_new_leaves_the_program(transformer, programs):
    program = programs[1]
    cache = (TINY["heads"], TINY["head_size"], CAPACITY)
    assert [each.shape for each in program.inputs].count(cache) == 2 * TINY["layers"]
    assert cache not in [each.shape for each in program.outputs]
    starts = {each["start"] for each in program.about["updates"] if "start" in each}
    assert len(starts) == 1, "one place for all, not one for each cache"


def test_a_step_leaves_the_state_as_it_was(programs):
    interpreter = programs[8].interpreter()
    draw = np.random.default_rng(4)
    given = [np.asarray(2 * draw.random(each.shape), each.dtype) for each in programs[8].inputs]
    for view, values in zip(interpreter.inputs, given, strict=True):
        np.copyto(view(), values)
    for _ in range(3):
        interpreter.run()
    for view, values in zip(interpreter.inputs, given, strict=True):
        np.testing.assert_array_equal(view(), values)


def test_an_lstm_gives_the_logits_of_tensorflow():
    model = built(LSTMBuilder(units=(8,), layers=2, ngrams=2, embedding=6, tie=True))
    token_ids = drawn(30, 2)
    found = advanced(ModelSteps(model_program(model, 2)), token_ids)
    np.testing.assert_allclose(found, expected(model, token_ids), atol=1e-5)


class GRUModel(keras.Model):
    """As a plugin may write one, of Keras' own layers, with a learned first state."""

    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(VOCABULARY, 6)
        self.cell = keras.layers.GRUCell(7)
        self.dense = keras.layers.Dense(VOCABULARY)
        self.first = self.add_weight(shape=(7,), initializer="random_normal", name="first")
        self.embedding.build((None, None))
        self.cell.build((None, 6))
        self.dense.build((None, 7))

    def call(self, token_ids, training=False):
        return self.advance(token_ids, self.initial_state(token_ids.shape[0]))[0]

    def initial_state(self, batch_size):
        return [tf.tile(tf.convert_to_tensor(self.first)[None], (batch_size, 1))]

    def advance(self, token_ids, state):
        embedded, outputs = self.embedding(token_ids), []
        for position in range(token_ids.shape[1]):
            _, state = self.cell(embedded[:, position], state)
            outputs.append(state[0])
        return self.dense(tf.stack(outputs, axis=1)), state


def test_a_model_of_keras_layers_becomes_a_program_without_a_change():
    model = language_model(GRUModel())
    token_ids = drawn(9, 2)
    steps = ModelSteps(model_program(model, 2))
    for _ in range(2):
        steps.restart()
        np.testing.assert_allclose(
            advanced(steps, token_ids), expected(model, token_ids), atol=1e-5
        )


class LayerModel(GRUModel):
    """Of a recurrent layer, a loop, in whose program results have no room before it has run."""

    def __init__(self):
        super().__init__()
        self.layer = keras.layers.GRU(7, return_sequences=True, return_state=True)
        self.layer.build((None, None, 6))

    def advance(self, token_ids, state):
        hidden, after = self.layer(self.embedding(token_ids), initial_state=state[0])
        return self.dense(hidden), [after]


def test_a_model_of_a_recurrent_layer_becomes_a_program(capfd):
    model = language_model(LayerModel())
    token_ids = drawn(9, 2)
    steps = ModelSteps(model_program(model, 2))
    np.testing.assert_allclose(advanced(steps, token_ids), expected(model, token_ids), atol=1e-5)
    assert "WARNING" not in capfd.readouterr().err


class DelayingModel(SumModel):
    """What it holds moves on from tensor to tensor, and into a cache, before it is used."""

    def initial_state(self, batch_size):
        one = tf.fill((batch_size, 1), 1.0)
        return {"a": one, "b": 2 * one, "c": 3 * one, "d": tf.fill((batch_size,), 4.0)} | {
            "cache": tf.zeros((batch_size, CAPACITY, 1)),
            "length": tf.constant(0),
        }

    def advance(self, token_ids, state):
        written = state["b"][:, None]
        cache = keras.ops.slice_update(state["cache"], (0, state["length"], 0), written)
        after = {"a": tf.cast(token_ids, tf.float32), "b": state["a"], "c": state["d"][:, None]}
        after |= {"d": state["c"][:, 0], "cache": cache, "length": state["length"] + 1}
        weights = tf.range(1, CAPACITY + 1, dtype=tf.float32)[:, None]
        seen = tf.reduce_sum(state["cache"] * weights, axis=1) + 100 * state["c"] + state["b"]
        return (seen * tf.ones((1, VOCABULARY)))[:, None], after


def test_what_a_state_hands_on_is_read_before_it_is_overwritten():
    model, token_ids = language_model(DelayingModel(random_table())), drawn(CAPACITY, 2)
    state, wanted = model.initial_state(2), []
    for column in token_ids:
        logits, state = model.advance(column[:, None], state)
        wanted.append(logits[:, 0])
    steps = ModelSteps(model_program(model, 2))
    np.testing.assert_allclose(advanced(steps, token_ids), np.stack(wanted), rtol=1e-6)


class OddModel(AdvancingSumModel):
    """A model of sums, with something done to them that a program may not do, or need not mind."""

    def __init__(self, change):
        super().__init__(random_table())
        self.change = change
        self.calls = tf.Variable(0)

    def initial_state(self, batch_size):
        return {
            **super().initial_state(batch_size),
            "half": tf.fill((batch_size,), tf.constant(0.5, tf.float16)),
            "times": tf.constant(3),
        }

    def advance(self, token_ids, state):
        logits, after = super().advance(token_ids, {"sum": state["sum"]})
        half = tf.cast(state["half"], tf.float32)
        logits += half[:, None, None] * tf.cast(state["times"], tf.float32)
        after |= {"half": tf.cast(2 * half, tf.float16), "times": state["times"] + 1}
        return self.change(self, logits), after


def counted(model, logits):
    model.calls.assign_add(1)
    return logits


def test_halves_and_scalars_of_a_state_are_kept():
    model = language_model(OddModel(lambda model, logits: logits))
    token_ids = drawn(4, 2)
    state, wanted = model.initial_state(2), []
    for column in token_ids:
        logits, state = model.advance(column[:, None], state)
        wanted.append(logits[:, 0])
    steps = ModelSteps(model_program(model, 2))
    np.testing.assert_allclose(advanced(steps, token_ids), np.stack(wanted), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (counted, "changes something: Assign"),
        (
            lambda model, logits: logits + tf.random.uniform(()),
            "draws or changes something: Random",
        ),
        (lambda model, logits: tf.math.igamma(logits, logits), "LiteRT lacks tf.Igamma"),
        (lambda model, logits: logits[..., 1:], r"logits have shape \(2, 29\), not \(2, 30\)"),
        (lambda model, logits: logits.no_such_attribute, "cannot be traced: .*no_such_attribute"),
    ],
)
def test_what_a_program_cannot_do_is_refused_in_a_sentence(change, reason):
    with pytest.raises(NotConvertible, match=reason):
        model_program(language_model(OddModel(change)), 2)


def test_a_model_without_a_state_of_its_own_is_refused():
    with pytest.raises(NotConvertible, match="offers no advance"):
        model_program(language_model(SumModel(random_table())), 1)


def test_the_public_way_gives_the_same_numbers(monkeypatch):
    model, token_ids = language_model(GRUModel()), drawn(5, 1)
    short = advanced(ModelSteps(model_program(model, 1)), token_ids)

    def moved(*arguments):
        raise ImportError

    monkeypatch.setattr(conversion, "_by_the_short_way", moved)
    public = advanced(ModelSteps(model_program(model, 1)), token_ids)
    np.testing.assert_array_equal(short, public)


# ---- at the size that is trained ----------------------------------------------------------------

LETTERS = "".join(chr(0x4E00 + place) for place in range(500))
TRANSFORMER = {"layers": 4, "heads": 4, "head_size": 32, "feed_forward": 512}
LARGE = {
    "lstm": LSTMBuilder(units=(512,), layers=1),
    "lstm, tied": LSTMBuilder(units=(200, 300), ngrams=3, tie=True),
    "transformer, fast": TransformerBuilder(**TRANSFORMER, **FAST),
    "transformer, plain": TransformerBuilder(**TRANSFORMER),
    "transformer, learned": TransformerBuilder(
        **TRANSFORMER, positions="learned", activation="swiglu", tie=True, convolution=2
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_500_tokens_have_the_logits_of_tensorflow_and_rows_the_same_bits(name):
    keras.utils.set_random_seed(1)
    window, rows, time = 128, 8, 500
    model = language_model(LARGE[name].build(504, window), LETTERS, context_length=window)
    draw = np.random.default_rng(2)
    for variable in model.model.trainable_variables:
        variable.assign(variable.numpy() + draw.normal(size=variable.shape) * 0.03)
    token_ids = draw.integers(4, 504, (time, rows)).astype(np.int32)
    capacity = model.state_capacity
    together = advanced(ModelSteps(model_program(model, rows)), token_ids, capacity)
    wanted = expected(model, token_ids, capacity)
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(together, wanted, atol=1e-4)
    alone = model_program(model, 1)
    for threads, row in ((1, 0), (2, rows - 1)):
        own = advanced(ModelSteps(alone, threads), token_ids[:, row : row + 1], capacity)
        np.testing.assert_array_equal(own[:, 0], together[:, row])
