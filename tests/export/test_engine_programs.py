"""The engine computes what programs compute: the logits of models, and what samplers keep."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from export.in_node import as_given, in_node, logits_of, needs_node, read_logits
from programs.small_models import CAPACITY, FAST, TINY, VOCABULARY, built

from textgen_core.components import History
from textgen_core.export.engine_source import engine_files
from textgen_core.export.operations import OperationMissing, known_operations, read_operations
from textgen_core.export.weights import Block, as_kept
from textgen_core.generation.chain import Chain
from textgen_core.programs.conversion import convert
from textgen_core.programs.model_program import model_program
from textgen_core.programs.model_steps import ModelSteps
from textgen_core.programs.sampler_program import sampler_program
from textgen_core.programs.sampler_stages import ProgramStages
from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder
from textgen_samplers import textgen_samplers

MOST_LINES = 1500  # of code: without those that are empty, or a comment alone
QUICK = {
    "lstm": LSTMBuilder(units=(9,), embedding=5),
    "transformer": TransformerBuilder(**TINY, **FAST),
}
OPTIONS = {
    "lstm-tied": LSTMBuilder(units=(8,), layers=2, ngrams=2, embedding=6, tie=True),
    "lstm-layers": LSTMBuilder(units=(8, 7), embedding=6, ngrams=3, ngram_rows=50),
    "plain": TransformerBuilder(**TINY),
    "learned": TransformerBuilder(**TINY, positions="learned", activation="relu"),
    "swiglu": TransformerBuilder(**TINY, positions="rotary", norm="rms", activation="swiglu"),
    "tied": TransformerBuilder(**TINY, tie=True, ngrams=2, ngram_rows=40, soft_cap=5.0),
    "convolution": TransformerBuilder(**TINY, convolution=2, normalise_queries=True),
    "wide": TransformerBuilder(layers=1, heads=3, head_size=6, feed_forward=31, capacity=16),
}
SAMPLERS = {
    "greedy": {},
    "temperature": {"t": 0.7},
    "top-k": {"k": 7},
    "nucleus": {"p": 0.9},
    "min-p": {"p": 0.05},
    "typical": {"p": 0.9},
    "repetition-penalty": {"penalty": 1.3},
    "occurrence-penalty": {"frequency": 0.5},
    "no-repeat-ngram": {"n": 2},
}
ROOM = 32  # tokens of a text that samplers read
SUMS_BY_ROUNDING = {"nucleus": 1e-5, "typical": 5e-4}  # as in programs/test_sampler_programs


def compare_logits(builder, precision="float32"):
    program = model_program(built(builder), 1)
    token_ids = np.random.default_rng(3).integers(4, VOCABULARY, CAPACITY).tolist()
    steps = ModelSteps(as_kept(program, Block(precision)))
    expected = [steps.advance(np.array([each], np.int32))[0].copy() for each in token_ids]
    script = """const constants = new Constants(given.constants, block(given.block));
    const steps = new Steps(given.programs[0], constants, null);
    steps.feed([5, 6]);
    steps.restart();
    show(given.tokens.map((token) => steps.advance(token).slice()));"""
    given = {**as_given(program, precision=precision), "tokens": token_ids}
    np.testing.assert_allclose(in_node(script, given), expected, atol=1e-4)


@needs_node
@pytest.mark.parametrize("name", QUICK)
def test_a_model_has_the_logits_of_its_program(name) -> None:
    compare_logits(QUICK[name])


@needs_node
@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_has_the_logits_of_its_program(name) -> None:
    compare_logits(OPTIONS[name])


@needs_node
@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_fewer_bits_are_read_as_they_were_measured(precision) -> None:
    compare_logits(LSTMBuilder(units=(40,), embedding=36, ngrams=2), precision)


def rows_of(vocabulary, count):
    """Logits of every steepness, without ties, the first token excluded."""
    draws = np.random.default_rng(vocabulary)
    scales = draws.choice([0.3, 1.0, 3.0, 8.0], (count, 1))
    rows = draws.normal(0, 1, (count, vocabulary)) * scales
    rows[draws.random(rows.shape) < 0.1] = -np.inf
    rows[:, 0], rows[:, 1] = -np.inf, 0.5
    return rows.astype(np.float32)


def compare_kept(name, vocabulary, count):
    sampler = textgen_samplers()[name](**SAMPLERS[name])
    chain = Chain([sampler], [name], None)
    program = sampler_program(chain.links[0], 1, vocabulary, ROOM)
    rows, draws = rows_of(vocabulary, count), np.random.default_rng(1)
    texts = draws.integers(1, min(6, vocabulary), (count, ROOM)).astype(np.int32)
    lengths = draws.integers(1, ROOM, count).astype(np.int32)
    texts[np.arange(ROOM) >= lengths[:, None]] = 0
    stages = ProgramStages(chain.links, lambda *_: program, chain.values([sampler]), ROOM)
    expected = []
    for row, text, length in zip(rows, texts, lengths, strict=True):
        history = History(
            token_ids=text[None], length=np.array([length]), prompt_length=np.array([length // 2])
        )
        expected.append(stages.transform(row[None], history, np.ones(1, bool))[0][0].copy())
    script = """const constants = new Constants(given.constants, block(given.block));
    const stage = new Stage({ name: "it", program: given.programs[0] }, constants, given.values);
    show(given.rows.map((row, place) => stage.transform(Float32Array.from(row), {
      token_ids: given.texts[place], length: [given.lengths[place]],
      prompt_length: [given.lengths[place] >> 1],
    }).slice()));"""
    given = {**as_given(program), "rows": logits_of(rows), "texts": texts, "lengths": lengths}
    given["values"] = chain.values([sampler])[0]
    found = read_logits(in_node(script, given))
    differs = np.isneginf(found) != np.isneginf(np.array(expected))
    weights = np.exp(rows - rows.max(axis=1, keepdims=True))
    off = (weights * differs).sum(axis=1) / weights.sum(axis=1)
    assert off.max() <= SUMS_BY_ROUNDING.get(name, 0)
    assert differs.any(axis=1).mean() <= 0.01, "a border that rounding moves is rare"
    both = np.isfinite(found) & ~differs
    np.testing.assert_allclose(found[both], np.array(expected)[both], rtol=1e-6)


@needs_node
@pytest.mark.parametrize(("name", "vocabulary"), [("nucleus", 40), ("top-k", 200)])
def test_a_sampler_keeps_what_its_program_keeps(name, vocabulary) -> None:
    compare_kept(name, vocabulary, 100)


@needs_node
@pytest.mark.parametrize("vocabulary", [70, 504])
@pytest.mark.parametrize("name", SAMPLERS)
def test_of_a_thousand_distributions_samplers_keep_the_same(name, vocabulary) -> None:
    compare_kept(name, vocabulary, 1000)


def test_every_bundled_sampler_is_compared() -> None:
    assert SAMPLERS.keys() == textgen_samplers().keys()


def rarely_used(one, other):
    """What bundled models have no use for, and layers of Keras may have."""
    turned, wide = tf.transpose(one, [0, 2, 1]), tf.concat([one, one], axis=1)
    return [
        tf.matmul(one, other),
        tf.matmul(turned, other, transpose_a=True),
        tf.matmul(one, tf.transpose(other, [0, 2, 1]), transpose_b=True),
        tf.matmul(one[:1], other),
        tf.nn.gelu(one, approximate=True),
        tf.nn.log_softmax(one) + tf.nn.leaky_relu(one),
        tf.cumsum(one, axis=1, exclusive=True, reverse=True),
        *tf.math.top_k(one, 2),
        tf.argmax(one, axis=1, output_type=tf.int32),
        tf.pad(tf.tile(one, [1, 2, 1]), [[0, 0], [1, 0], [0, 2]])
        + tf.pad(wide, [[0, 0], [1, 0], [0, 2]]),
        *tf.unstack(one, axis=1),
        tf.gather_nd(one, [[0, 2], [1, 1]]) + tf.reduce_prod(one, axis=[1]),
        one[:, ::-1, 1:3],
    ]


@needs_node
def test_operations_that_no_bundled_model_uses_are_those_of_the_program() -> None:
    draws = np.random.default_rng(5)
    given = [draws.normal(size=shape).astype(np.float32) for shape in ((2, 3, 4), (2, 4, 5))]
    specs = [tf.TensorSpec(each.shape, tf.float32) for each in given]
    program = convert(rarely_used, specs, kind="test")
    script = """const constants = new Constants(given.constants, block(given.block));
    const graph = openProgram(given.programs[0], constants);
    graph.inputs.forEach((tensor, place) => tensor.data.set(given.inputs[place]));
    graph.run();
    show(graph.outputs.map(({ data }) => data));"""
    inputs = [each.ravel() for each in given]
    found = in_node(script, {**as_given(program), "inputs": inputs})
    expected = rarely_used(*map(tf.constant, given))
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, np.ravel(other), atol=1e-5)


@needs_node
def test_the_exporter_knows_the_operations_of_the_engine() -> None:
    assert set(in_node("show(Object.keys(kernels));")) == known_operations()


def test_the_engine_stays_small_enough_to_be_read() -> None:
    own = [each for each in engine_files() if each.parent.name == "engine"]
    lines = [line.strip() for each in own for line in each.read_text("utf-8").splitlines()]
    code = [line for line in lines if line and not line.startswith(("//", "/*", "*"))]
    assert len(own) > 10
    assert len(code) < MOST_LINES


def test_an_operation_that_the_engine_lacks_is_named() -> None:
    spec = tf.TensorSpec((4, 4), tf.float32)
    program = convert(lambda each: [tf.reverse(each, [0])], [spec], kind="test")
    with pytest.raises(OperationMissing, match=r"The sampler odd needs REVERSE_V2"):
        read_operations(program, "The sampler odd", Block("float32").keep)


def test_a_block_keeps_equal_constants_once() -> None:
    block, draws = Block("int8"), np.random.default_rng(1)
    matrix = draws.normal(size=(40, 40)).astype(np.float32)
    assert block.keep(matrix, "matrix") == block.keep(matrix.copy(), "matrix")
    assert block.keep(matrix) != block.keep(matrix, "matrix")
    assert [each[0] for each in block.described] == ["rows8", "float32"]
