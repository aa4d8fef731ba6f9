"""What XLA compiles between the products gives the same losses and gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgen_models.regions import region
from textgen_models.transformer import TransformerBuilder

VOCABULARY, TIME = 11, 6
SMALL = {"layers": 1, "heads": 2, "head_size": 4, "feed_forward": 8, "dropout": 0.3}
MODERN = {
    "positions": "rotary",
    "norm": "rms",
    "activation": "squared-relu",
    "normalise_queries": True,
    "soft_cap": 15.0,
    "convolution": 3,
}
TEXTBOOK = {"positions": "learned", "norm": "layer", "activation": "swiglu"}


def build(options, policy="float32"):
    keras.utils.set_random_seed(3)
    keras.config.set_dtype_policy(policy)
    try:
        model = TransformerBuilder(**SMALL, **options).build(VOCABULARY, TIME)
    finally:
        keras.config.set_dtype_policy("float32")
    for variable in model.trainable_variables:  # none of them at zero
        noise = np.random.default_rng(5).normal(0, 0.2, variable.shape)
        variable.assign(variable.numpy() + noise)
    return model


def gradients_of(model, compiled):
    model.jit_regions = compiled
    token_ids = np.random.default_rng(1).integers(0, VOCABULARY, (2, TIME)).astype(np.int32)

    def differentiated(token_ids):
        with tf.GradientTape() as tape:
            state = model.initial_state(2)
            logits, state = model.advance(token_ids[:, :2], state, training=True)
            later, state = model.advance(token_ids[:, 2:], state, training=True)
            alone = model(token_ids, training=True)
            logits = tf.cast(tf.concat([logits, later, alone], axis=1), tf.float32)
            loss = tf.reduce_mean(tf.square(tf.nn.softmax(logits)))
        variables = [each.value for each in model.trainable_variables]
        return [loss, *map(tf.convert_to_tensor, tape.gradient(loss, variables))]

    return tf.function(differentiated, autograph=False)(token_ids)


@pytest.mark.parametrize("options", [MODERN, TEXTBOOK], ids=["modern", "textbook"])
def test_a_transformer_with_regions_has_the_gradients_of_one_without(options):
    """With dropout, and with a state that is carried on."""
    expected = gradients_of(build(options), compiled=False)
    found = gradients_of(build(options), compiled=True)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-7)


def test_a_region_computes_in_float32_and_gives_back_the_dtype_that_it_was_given():
    sums = region(lambda inputs, weights, times: (tf.cumsum(inputs) * weights, inputs + 1))
    inputs = tf.cast(tf.fill([600], 1.0), tf.bfloat16)
    weights = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        found, _ = sums(inputs, tf.convert_to_tensor(weights), tf.constant(3))
    assert found.dtype == tf.bfloat16
    assert abs(float(found[-1]) - 1200) < 5  # in bfloat16 a sum of ones ends at 256
    assert float(tape.gradient(found, weights)) == 600 * 601 / 2
