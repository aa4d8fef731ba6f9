"""The Transformer builder: its options, and what they make of the model."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgen_models.transformer import TransformerBuilder

SMALL = {"layers": 1, "heads": 2, "head_size": 4, "feed_forward": 12, "dropout": 0.0}


def built(**options):
    keras.utils.set_random_seed(1)
    return TransformerBuilder(**{**SMALL, **options}).build(11, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": "rotary", "head_size": 5}, "even head_size"),
        ({"heads": 3, "head_size": 5}, "even width"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TransformerBuilder(**options)


def test_the_capacity_is_the_training_window_unless_it_is_larger():
    assert built().state_capacity == 8
    assert built(capacity=20).state_capacity == 20
    with pytest.raises(ValueError, match="less than the training window"):
        built(capacity=7)


def test_more_tokens_than_learned_positions_are_refused_and_others_go_on():
    token_ids = tf.zeros((1, 9), tf.int32)
    with pytest.raises(ValueError, match="learned for 8"):
        built(positions="learned")(token_ids)
    for positions in ("sinusoidal", "rotary"):
        assert built(positions=positions)(token_ids).shape == (1, 9, 11)


def test_zero_projections_start_from_even_odds():
    logits = built(zero_projections=True)(tf.constant([[1, 2, 3]]))
    np.testing.assert_array_equal(logits, np.zeros((1, 3, 11)))


def test_a_soft_cap_bounds_logits_and_hardly_moves_small_ones():
    capped, plain = built(soft_cap=2.0), built()
    capped.set_weights(plain.get_weights())
    small, large = 0.01 * tf.ones((1, 8)), 100.0 * tf.ones((1, 8))
    np.testing.assert_allclose(capped.project(small), plain.project(small), atol=1e-4)
    assert np.abs(plain.project(large)).max() > 2
    assert np.abs(capped.project(large)).max() <= 2


def test_tied_logits_are_products_with_the_embeddings():
    model = built(tie=True)
    hidden = tf.random.stateless_normal((2, 8), seed=(1, 2))
    expected = hidden.numpy() @ model.embedding.embeddings.numpy().T
    np.testing.assert_allclose(model.project(hidden), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("gelu", [-0.1588, 1.9546]), ("relu", [0, 2]), ("squared-relu", [0, 4])],
)
def test_the_activation_stands_between_the_two_matrices(activation, expected):
    part = built(activation=activation).blocks[0].feed_forward
    for matrix in (part.expanding, part.contracting):
        matrix.kernel.assign(np.eye(*matrix.kernel.shape))
    outputs = part(tf.constant([[-1.0, 2.0] + [0.0] * 6]))
    np.testing.assert_allclose(outputs[0, :2], expected, atol=1e-3)


@pytest.mark.parametrize("parts", [[2, 2], [1, 1, 1, 1], [3, 1]], ids=str)
def test_a_stream_has_gradients_through_the_cache(parts):
    model = built(convolution=3)
    model.blocks[0].attention_convolution.kernel.assign_add(0.1 * tf.ones((3, 8)))
    token_ids = tf.constant([[1, 2, 3, 4]])
    with tf.GradientTape() as tape:
        state, loss = model.initial_state(1), 0.0
        for part in tf.split(token_ids, parts, axis=1):
            logits, state = model.advance(part, state)
            loss += tf.reduce_sum(logits[:, :, 5]) / 4
    found = tape.gradient(loss, model.trainable_variables)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(token_ids)[:, :, 5])
    for one, other in zip(found, tape.gradient(loss, model.trainable_variables), strict=True):
        np.testing.assert_allclose(
            tf.convert_to_tensor(one), tf.convert_to_tensor(other), atol=1e-5
        )


# ---- attention, shown ---------------------------------------------------------------------------

KINDS = {
    "plain": {},
    "learned": {"positions": "learned"},
    "rotary, normalised": {"positions": "rotary", "normalise_queries": True, "norm": "rms"},
    "local": {"positions": "rotary", "convolution": 3, "ngrams": 3, "ngram_rows": 200},
}


def shaken(**options):
    """A model whose attention is not even: noise on all its weights."""
    model, draw = built(layers=2, **options), np.random.default_rng(4)
    for variable in model.trainable_variables:
        variable.assign(variable.numpy() + 0.3 * draw.normal(size=variable.shape))
    return model


@pytest.mark.parametrize("options", KINDS.values(), ids=list(KINDS))
def test_shown_attention_is_causal_and_its_rows_sum_to_one(options):
    shares = shaken(**options).attention(tf.constant([2, 5, 7, 5, 9, 4])).numpy()
    assert shares.shape == (2, 2, 6, 6)
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=-1), np.ones((2, 2, 6)), atol=1e-5)
    assert not np.triu(shares, k=1).any()
    assert (np.tril(shares) > 0).sum() == 2 * 2 * 21


@pytest.mark.parametrize("options", KINDS.values(), ids=list(KINDS))
def test_shown_attention_is_what_the_model_computes_with(options, monkeypatch):
    from textgen_models import attention

    model, used = shaken(**options), []
    attend, shares_of = attention._attend, attention._shares

    def noting(query, key, value, visible):
        used.append(shares_of(query, key, visible).numpy())
        return attend(query, key, value, visible)

    token_ids = tf.constant([2, 5, 7, 5, 9, 4])
    shown = model.attention(token_ids).numpy()
    monkeypatch.setattr(attention, "_attend", noting)
    model(token_ids[None])
    np.testing.assert_allclose(shown, np.stack(used), atol=1e-6)


def test_attention_shown_in_half_precision_is_float32_and_still_sums_to_one():
    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        shares = shaken().attention(tf.constant([2, 5, 7]))
    finally:
        keras.config.set_dtype_policy(kept)
    assert shares.dtype == tf.float32
    np.testing.assert_allclose(tf.reduce_sum(shares, axis=-1), np.ones((2, 2, 3)), atol=1e-5)
