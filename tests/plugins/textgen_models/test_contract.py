"""What both bundled models promise: causality, a state, projection, dtypes, seeds."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder

VOCABULARY, CONTEXT = 11, 8
SMALL_LSTM = {"units": (5, 6), "embedding": 4}
SMALL_TRANSFORMER = {"layers": 2, "heads": 2, "head_size": 4, "feed_forward": 12}
MODERN = {
    "positions": "rotary",
    "norm": "rms",
    "activation": "squared-relu",
    "normalise_queries": True,
    "soft_cap": 5.0,
}
LOCAL = {"convolution": 3, "ngrams": 3, "ngram_rows": 200}  # trigrams by hash, bigrams not

BUILDERS = {
    "lstm": LSTMBuilder(**SMALL_LSTM),
    "lstm, tied": LSTMBuilder(**SMALL_LSTM, tie=True),
    "lstm, n-grams": LSTMBuilder(**SMALL_LSTM, ngrams=3, ngram_rows=200),
    "lstm, uniform": LSTMBuilder(**SMALL_LSTM, initialiser="uniform"),
    "transformer": TransformerBuilder(**SMALL_TRANSFORMER),
    "transformer, learned": TransformerBuilder(**SMALL_TRANSFORMER, positions="learned"),
    "transformer, modern": TransformerBuilder(**SMALL_TRANSFORMER, **MODERN),
    "transformer, local": TransformerBuilder(**SMALL_TRANSFORMER, **MODERN, **LOCAL),
    "transformer, tied": TransformerBuilder(**SMALL_TRANSFORMER, tie=True, activation="swiglu"),
}


@pytest.fixture(params=BUILDERS, ids=lambda name: name.replace(", ", "-"))
def builder(request):
    return BUILDERS[request.param]


@pytest.fixture(params=["lstm", "transformer, learned", "transformer, local"])
def compiled_model(request):
    """One model for each path through the layers: compiling takes seconds."""
    return built(BUILDERS[request.param])


@pytest.fixture
def model(builder):
    return built(builder)


@pytest.fixture
def token_ids():
    return tf.constant(np.random.default_rng(5).integers(0, VOCABULARY, (3, CONTEXT)), tf.int32)


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


def built(builder, seed=1):
    """Build a model, with larger embeddings so that tokens make a difference at the start."""
    keras.utils.set_random_seed(seed)
    model = builder.build(VOCABULARY, CONTEXT)
    model.embedding.embeddings.assign(20 * model.embedding.embeddings)
    return model


def advanced(model, token_ids, sizes):
    """Return the logits of `advance`, fed in pieces of the given sizes, and the last state."""
    state, pieces = model.initial_state(token_ids.shape[0]), []
    for piece in tf.split(token_ids, sizes, axis=1):
        logits, state = model.advance(piece, state)
        pieces.append(logits)
    return tf.concat(pieces, axis=1), state


def test_a_model_is_built_and_every_variable_has_its_own_path(model):
    paths = [variable.path for variable in model.variables]
    assert model.built
    assert len(set(paths)) == len(paths) > 0
    assert len({layer.name for layer in model.layers}) == len(model.layers)


def test_the_summary_shows_the_shape_of_every_layer(model):
    lines = []
    model.summary(print_fn=lines.append)
    assert "embedding" in lines[0]
    assert "?" not in lines[0]


def test_logits_have_the_shape_of_the_vocabulary(model, token_ids):
    assert model(token_ids).shape == (3, CONTEXT, VOCABULARY)


def test_a_later_token_changes_no_earlier_logits(model, token_ids):
    changed = tf.concat([token_ids[:, :5], (token_ids[:, 5:] + 1) % VOCABULARY], axis=1)
    before, after = model(token_ids), model(changed)
    np.testing.assert_allclose(before[:, :5], after[:, :5], atol=1e-6)
    assert np.abs(before[:, 5:] - after[:, 5:]).max() > 1e-4


@pytest.mark.parametrize("sizes", [(8,), (1,) * 8, (5, 1, 1, 1), (2, 3, 1, 2)], ids=str)
def test_pieces_with_a_state_equal_the_whole(model, token_ids, sizes):
    logits, _ = advanced(model, token_ids, sizes)
    np.testing.assert_allclose(logits, model(token_ids), atol=1e-4)


def test_the_state_keeps_structure_shapes_and_dtypes(model, token_ids):
    first = model.initial_state(3)
    for size in (1, 3):
        _, state = model.advance(token_ids[:, :size], first)
        tf.nest.assert_same_structure(first, state)
        for one, other in zip(tf.nest.flatten(first), tf.nest.flatten(state), strict=True):
            assert (one.shape, one.dtype) == (other.shape, other.dtype)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_a_compiled_step_serves_every_position(compiled_model, token_ids, jit_compile):
    model = compiled_model
    step = tf.function(model.advance, jit_compile=jit_compile)
    state, pieces = model.initial_state(3), []
    for position in range(CONTEXT):
        logits, state = step(token_ids[:, position : position + 1], state)
        pieces.append(logits)
    np.testing.assert_allclose(tf.concat(pieces, axis=1), model(token_ids), atol=1e-4)
    assert step.experimental_get_tracing_count() == 1


def test_projecting_hidden_vectors_equals_the_call(model, token_ids):
    hidden = model(token_ids, project=False)
    np.testing.assert_allclose(model.project(hidden), model(token_ids), atol=1e-6)
    hidden, _ = model.advance(token_ids, model.initial_state(3), project=False)
    flat = tf.reshape(hidden, (-1, hidden.shape[-1]))
    whole = tf.reshape(model(token_ids), (-1, VOCABULARY))
    np.testing.assert_allclose(model.project(flat), whole, atol=1e-4)


def gradients_of(model, token_ids):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(token_ids, training=True)[:, :, 5])
    found = tape.gradient(loss, model.trainable_variables)
    return [tf.convert_to_tensor(gradient) for gradient in found]


def test_every_gradient_is_finite_and_some_reach_the_embeddings(model, token_ids):
    found = gradients_of(model, token_ids)
    assert all(np.isfinite(gradient).all() for gradient in found)
    assert np.abs(found[0]).max() > 0


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_compiled_gradients_are_those_of_plain_execution(compiled_model, token_ids, jit_compile):
    compiled = tf.function(lambda: gradients_of(compiled_model, token_ids), jit_compile=jit_compile)
    seeds = compiled_model.seeds.state.numpy()
    expected = gradients_of(compiled_model, token_ids)
    compiled_model.seeds.state.assign(seeds)
    for found, wanted in zip(compiled(), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5, rtol=1e-3)


def test_recomputing_layers_drops_the_same_units_and_changes_no_gradient(builder, token_ids):
    again = built(builder)
    again.recompute = True
    found, expected = gradients_of(again, token_ids), gradients_of(built(builder), token_ids)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


def test_dropout_changes_with_every_training_call_and_repeats_with_the_seed(builder, token_ids):
    first = built(builder)
    one, other = first(token_ids, training=True), first(token_ids, training=True)
    assert not np.allclose(one, other)
    np.testing.assert_array_equal(built(builder)(token_ids, training=True), one)


def test_a_seed_means_the_same_weights_and_another_seed_others(builder):
    weights, again, others = (built(builder, seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(weights, again, strict=True))
    assert not np.array_equal(weights[0], others[0])


def test_numbers_that_are_no_integers_are_refused(model, token_ids):
    for dtype in ("float32", "bfloat16", "float64"):
        with pytest.raises(TypeError, match="token ids must be integers"):
            model(tf.cast(token_ids, dtype))
        with pytest.raises(TypeError, match="token ids must be integers"):
            model.advance(tf.cast(token_ids, dtype), model.initial_state(3))


def test_integers_of_numpy_are_accepted(model, token_ids):
    np.testing.assert_array_equal(model(token_ids.numpy().astype("int64")), model(token_ids))


def test_mixed_precision_keeps_float32_variables_and_close_logits(builder, token_ids, policy):
    model = built(builder)
    keras.config.set_dtype_policy("float32")
    exact = built(builder)(token_ids)
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    logits = tf.cast(model(token_ids), tf.float32)
    np.testing.assert_allclose(logits, exact, atol=0.2)
    pieces, _ = advanced(model, token_ids, (3, 1, 4))
    np.testing.assert_allclose(tf.cast(pieces, tf.float32), logits, atol=0.1)


def test_adam_keeps_embeddings_output_and_vectors(model):
    kept = {variable.path for variable in model.adam_variables}
    left = {variable.path for variable in model.trainable_variables} - kept
    assert {path for path in kept if "embedding" in path or "output" in path}
    assert left
    assert not {path for path in left if "embedding" in path or "output" in path}
    ranks = {len(v.shape) for v in model.trainable_variables if v.path in left}
    assert ranks == {2}


# ---- looked into --------------------------------------------------------------------------------


def test_the_token_embeddings_are_what_the_input_looks_up(model):
    embeddings = np.asarray(model.token_embeddings)
    assert embeddings.shape[0] == VOCABULARY
    token_ids = tf.constant([[3, 7]])
    np.testing.assert_array_equal(model.embedding(token_ids)[0], embeddings[[3, 7]])


def test_of_the_two_only_the_transformer_has_attention():
    assert not hasattr(built(BUILDERS["lstm"]), "attention")
    assert hasattr(built(BUILDERS["transformer"]), "attention")
