"""Samplers as programs: what they keep is what TensorFlow keeps."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
import tensorflow as tf
from generation.fake_samplers import Alphabetical, Bound, Raising, Shift

from textgen_core import History, Sampler, option
from textgen_core.generation.chain import Chain
from textgen_core.programs.program import NotConvertible
from textgen_core.programs.sampler_program import sampler_program
from textgen_core.programs.sampler_stages import ProgramStages
from textgen_samplers import textgen_samplers

INFINITY = float("inf")
CAPACITY = 32

# What may differ where a sum of probabilities decides: two libraries round it in their own ways.
SUMS_BY_ROUNDING = {"nucleus": 1e-5, "typical": 5e-4}

# Bundled samplers with values of their options, one after the other in one program.
BUNDLED = {
    "greedy": [{}],
    "temperature": [{"t": 0.7}, {"t": 1e-35}, {"t": 90.0}],
    "top-k": [{"k": 40}, {"k": 1}, {"k": 3}, {"k": 10**9}],
    "nucleus": [{"p": 0.9}, {"p": 1e-6}, {"p": 0.5}, {"p": 1.0}],
    "min-p": [{"p": 0.05}, {"p": 1.0}],
    "typical": [{"p": 0.9}, {"p": 0.2}, {"p": 1.0}],
    "repetition-penalty": [{"penalty": 1.3}, {"penalty": 0.8}],
    "occurrence-penalty": [{"frequency": 0.5}, {"frequency": 0.0, "presence": -1.5}],
    "no-repeat-ngram": [{"n": 2}],
}


def kinds_of_logits(vocabulary, seed):
    """Rows of every kind, with the first token excluded as it is in generation."""
    draws = np.random.default_rng(seed)
    usual = draws.normal(0, 2.5, (6, vocabulary))
    usual[1] *= 8
    usual[2] *= 1e-3
    usual[3] = np.round(usual[3])  # ties
    usual[4] *= 1e25
    usual[5] *= 1e-25
    usual[draws.random(usual.shape) < 0.1] = -INFINITY
    others = np.zeros((4, vocabulary))
    others[1, :-1] = -INFINITY
    others[2] = -INFINITY
    others[3, 1] = 30
    rows = np.concatenate([usual, others])
    rows[:, 0] = -INFINITY
    return rows.astype(np.float32)


def texts_of(rows, vocabulary, seed):
    """Texts of few different tokens, so that phrases come again."""
    draws = np.random.default_rng(seed)
    lengths = draws.integers(1, CAPACITY, rows).astype(np.int32)
    token_ids = draws.integers(1, min(6, vocabulary), (rows, CAPACITY)).astype(np.int32)
    token_ids[np.arange(CAPACITY) >= lengths[:, None]] = 0
    return History(token_ids=token_ids, length=lengths, prompt_length=lengths // 2)


def chain_of(*samplers, tokenizer=None):
    return Chain(samplers, [type(each).__name__ for each in samplers], tokenizer)


def stages_of(chain, samplers, rows, vocabulary, capacity=CAPACITY, programs=None):
    made = {} if programs is None else programs

    def program_of(number, capacity):
        if (number, capacity) not in made:
            made[number, capacity] = sampler_program(
                chain.links[number], rows, vocabulary, capacity
            )
        return made[number, capacity]

    stages = ProgramStages(chain.links, program_of, chain.values(samplers), capacity)
    stages.restart()
    return stages


def left_by_tensorflow(sampler, logits, history):
    parts = {name: tf.constant(getattr(history, name)) for name in attrs.fields_dict(History)}
    return sampler.transform(tf.constant(logits), History(**parts)).numpy()


def differing_probability(logits, left, expected):
    """The probability of what one of two keeps and the other does not, in the worst row."""
    differs = np.isneginf(left) != np.isneginf(expected)
    highest = logits.max(axis=1, keepdims=True, initial=np.finfo(np.float32).min)
    weights = np.exp(logits - highest)
    return ((weights * differs).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)).max()


def check(name, rows, vocabulary):
    cls = textgen_samplers()[name]
    chain, programs = chain_of(cls(**BUNDLED[name][0])), {}
    logits = kinds_of_logits(vocabulary, seed=vocabulary)
    for options in BUNDLED[name]:
        sampler = cls(**options)
        assert chain.is_compatible([sampler])
        stages = stages_of(chain, [sampler], rows, vocabulary, programs=programs)
        for first in range(0, len(logits) - rows + 1, rows):
            some = logits[first : first + rows]
            history = texts_of(rows, vocabulary, seed=first)
            (left,) = stages.transform(some, history, np.ones(rows, bool))
            expected = left_by_tensorflow(sampler, some, history)
            assert differing_probability(some, left, expected) <= SUMS_BY_ROUNDING.get(name, 0)
            both = np.isfinite(left) & np.isfinite(expected)
            np.testing.assert_allclose(left[both], expected[both], rtol=1e-6)
    assert len(programs) == 1


@pytest.mark.parametrize(
    ("name", "rows", "vocabulary"),
    [*((name, 5, 12) for name in BUNDLED), ("top-k", 1, 200), ("nucleus", 1, 200)],
)
def test_a_program_keeps_what_its_sampler_keeps(name, rows, vocabulary):
    check(name, rows, vocabulary)


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("vocabulary", [5, 65, 504, 10_000])
@pytest.mark.parametrize("rows", [1, 8])
def test_programs_of_every_size_keep_what_their_samplers_keep(name, rows, vocabulary):
    check(name, rows, vocabulary)


@attrs.frozen(kw_only=True)
class Cooling(Sampler):
    """Written before there were programs: a state of several kinds, and traced options."""

    start: float = option(2.0, help="the first temperature", above=0, traced=True)
    factor: float = option(0.5, help="of the next one", above=0, traced=True)

    def initial_state(self, batch_size, vocabulary_size):
        return {"t": tf.fill((batch_size,), self.start), "steps": 0, "last": (tf.zeros((3,)),)}

    def transform(self, logits, history, state):
        after = logits / state["t"][:, None]
        last = state["last"][0] + tf.cast(state["steps"], tf.float32)
        t = state["t"] * self.factor
        return after, {"t": t, "steps": state["steps"] + 1, "last": (last,)}


def test_a_state_is_carried_from_step_to_step_and_begins_with_the_options():
    sampler = Cooling(start=4.0)
    chain, programs = chain_of(sampler), {}
    logits, history = np.ones((2, 5), np.float32), texts_of(2, 5, seed=0)
    for start in (4.0, 1.0):
        stages = stages_of(chain, [Cooling(start=start)], 2, 5, programs=programs)
        for _ in range(2):
            stages.restart()
            for step in range(3):
                (left,) = stages.transform(logits, history, np.ones(2, bool))
                np.testing.assert_array_equal(left, logits / (start * 0.5**step))
    assert len(programs) == 1


def test_rows_that_draw_nothing_keep_their_state():
    sampler = Cooling(start=4.0)
    stages = stages_of(chain_of(sampler), [sampler], 2, 5)
    logits, history = np.ones((2, 5), np.float32), texts_of(2, 5, seed=0)
    for _ in range(3):
        stages.transform(logits, history, np.array([True, False]))
    (left,) = stages.transform(logits, history, np.ones(2, bool))
    np.testing.assert_array_equal(left[:, 0], [2.0, 0.25])


def test_wider_texts_keep_the_state_of_samplers():
    samplers = [Cooling(start=4.0), textgen_samplers()["repetition-penalty"](penalty=2.0)]
    programs = {}
    stages = stages_of(chain_of(*samplers), samplers, 1, 5, capacity=4, programs=programs)
    logits, drawing = np.ones((1, 5), np.float32), np.ones(1, bool)
    for capacity, cooled in ((4, 0.25), (8, 0.5), (8, 1.0)):
        stages.widen(capacity)
        token_ids = np.zeros((1, capacity), np.int32)
        token_ids[0, capacity - 1] = 3  # a place that the text had no room for before
        length = np.full(1, capacity, np.int32)
        history = History(token_ids=token_ids, length=length, prompt_length=length)
        left = stages.transform(logits, history, drawing)[-1]
        np.testing.assert_allclose(left, [[cooled / 2, cooled, cooled, cooled / 2, cooled]])
    assert sorted(programs) == [(0, 4), (1, 4), (1, 8)]


@attrs.frozen(kw_only=True)
class Patient(Sampler):
    """Reads lengths, and no text."""

    def transform(self, logits, history):
        return logits + tf.cast(history.length - history.prompt_length, tf.float32)[:, None]


@attrs.frozen(kw_only=True)
class Widest(Sampler):
    """Depends on how much room there is, though it reads no token."""

    def transform(self, logits, history):
        return logits * history.token_ids.shape[1]


@pytest.mark.parametrize(
    ("sampler", "history", "capacity"),
    [
        (textgen_samplers()["nucleus"](), [], None),
        (Patient(), ["length", "prompt_length"], None),
        (Widest(), ["token_ids"], 16),
        (textgen_samplers()["no-repeat-ngram"](), ["token_ids", "length"], 16),
    ],
)
def test_a_program_takes_of_the_history_what_its_sampler_asks_for(sampler, history, capacity):
    (link,) = chain_of(sampler).links
    about = sampler_program(link, 1, 9, 16).about
    assert (about["history"], about["capacity"]) == (history, capacity)
    stages_of(chain_of(sampler), [sampler], 1, 9, capacity=16)


@attrs.frozen(kw_only=True)
class OlderWay(Sampler):
    least: float = option(0.01, help="the smallest probability that is kept", above=0, at_most=1)

    def transform(self, logits, history, least=None):
        return tf.where(tf.nn.softmax(logits) >= least, logits, -INFINITY)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_options_as_arguments_are_inputs_too():
    sampler = OlderWay(least=0.25)
    chain, programs = chain_of(sampler), {}
    logits = np.log(np.array([[0.3, 0.1, 0.6]], np.float32))
    for least, kept in ((0.25, [True, False, True]), (0.5, [False, False, True])):
        stages = stages_of(chain, [OlderWay(least=least)], 1, 3, programs=programs)
        (left,) = stages.transform(logits, texts_of(1, 3, seed=0), np.ones(1, bool))
        assert np.isfinite(left)[0].tolist() == kept
    assert len(programs) == 1


def test_a_sampler_learns_its_tokens_when_it_is_bound():
    class Tokenizer:
        def token_to_id(self, token):
            return {"c": 2}[token]

    chain = chain_of(Bound(letter="c"), tokenizer=Tokenizer())
    stages = stages_of(chain, [Bound(letter="c")], 1, 4)
    (left,) = stages.transform(np.zeros((1, 4), np.float32), texts_of(1, 4, 0), np.ones(1, bool))
    assert left.tolist() == [[-INFINITY, -INFINITY, 0.0, -INFINITY]]


def test_stages_follow_one_another_and_what_each_left_is_returned():
    samplers = [Shift(token=1, by=2.0), Alphabetical(first=1), Shift(token=2, by=1.0)]
    stages = stages_of(chain_of(*samplers), samplers, 1, 3)
    given, history = np.zeros((1, 3), np.float32), texts_of(1, 3, seed=0)
    left = [each.tolist() for each in stages.transform(given, history, np.ones(1, bool))]
    assert left == [[[0, 2, 0]], [[-INFINITY, 2, -INFINITY]], [[-INFINITY, 2, -INFINITY]]]


@attrs.frozen(kw_only=True)
class With(Sampler):
    """Computes with a function."""

    function: object

    def transform(self, logits, history):
        return self.function(logits)


def test_infinities_are_what_they_are():
    functions = [
        lambda logits: tf.where(logits == -INFINITY, 1.0, logits),
        lambda logits: tf.where(tf.math.is_finite(logits), 1.0, -INFINITY),
        lambda logits: tf.where(logits > tf.constant([[0.0, -INFINITY, INFINITY]]), 1.0, logits),
        lambda logits: tf.nn.log_softmax(
            tf.where(logits > 1.0, logits, tf.fill((1, 3), -INFINITY))
        ),
        lambda logits: tf.reduce_max(logits[:, :1], axis=1, keepdims=True) + tf.zeros((1, 3)),
    ]
    logits, history = np.array([[-INFINITY, 1.0, 2.0]], np.float32), texts_of(1, 3, seed=0)
    for function in functions:
        sampler = With(function=function)
        stages = stages_of(chain_of(sampler), [sampler], 1, 3)
        (left,) = stages.transform(logits, history, np.ones(1, bool))
        np.testing.assert_array_equal(left, left_by_tensorflow(sampler, logits, history))


def drawn(logits):
    return logits + tf.random.uniform(logits.shape)


def counted(logits):
    return logits + COUNTER.assign_add(1.0)


def by_python(logits):
    return tf.ensure_shape(tf.py_function(lambda each: each, [logits], tf.float32), logits.shape)


def without_low_bits(logits):
    return tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(logits, tf.int32), -256), tf.float32)


COUNTER = tf.Variable(0.0)


@pytest.mark.parametrize(
    ("sampler", "reason"),
    [
        (With(function=drawn), "draws or changes something: RandomUniform"),
        (With(function=counted), "draws or changes something: AssignAddVariableOp"),
        (With(function=by_python), "draws or changes something: EagerPyFunc"),
        (With(function=without_low_bits), "LiteRT lacks tf.BitwiseAnd"),
        (With(function=lambda logits: tf.where(tf.math.is_inf(logits), 0.0, 1.0)), "is_inf"),
        (With(function=lambda logits: logits[:, 1:]), "logits of shape"),
        (Raising(), "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_converted_is_refused_with_the_reason(sampler, reason):
    (link,) = chain_of(sampler).links
    with pytest.raises(NotConvertible, match=reason):
        sampler_program(link, 1, 4, 8)


@attrs.frozen(kw_only=True)
class Echo(Sampler):
    """Raises the last token of the text by as much as it was raised before, and one."""

    def initial_state(self, batch_size, vocabulary_size):
        return tf.zeros((batch_size, vocabulary_size))

    def transform(self, logits, history, state):
        last = tf.gather(history.token_ids, history.length - 1, batch_dims=1)  # of some text
        state += tf.one_hot(last, logits.shape[1])
        return logits + state, state


def test_a_sampler_with_a_state_may_read_the_last_token():
    stages = stages_of(chain_of(Echo()), [Echo()], rows=2, vocabulary=9)
    history = History(
        token_ids=np.full((2, CAPACITY), 4, np.int32),
        length=np.array([1, 3], np.int32),
        prompt_length=np.array([1, 3], np.int32),
    )
    for times in (1, 2):
        [left] = stages.transform(np.zeros((2, 9), np.float32), history, np.array([True, True]))
        np.testing.assert_array_equal(left, times * np.eye(9)[[4, 4]])
