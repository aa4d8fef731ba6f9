"""Rows written side by side draw what each would draw alone, but for rare roundings."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgen_core.generation.drawing import draw, uniform_numbers
from textgen_models.lstm import LSTMBuilder
from textgen_models.transformer import TransformerBuilder

ROWS, TIME, VOCABULARY = 64, 50, 1000
BUILDERS = {
    "lstm": LSTMBuilder(units=(48,), layers=2, embedding=32),
    "transformer": TransformerBuilder(layers=2, heads=2, head_size=16, feed_forward=64),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_under_teacher_forcing_999_of_1000_draws_agree_between_batches_of_1_and_64(name):
    keras.utils.set_random_seed(1)
    model = BUILDERS[name].build(VOCABULARY, TIME)
    model.head.kernel.assign(20 * model.head.kernel)  # so that some tokens are much likelier
    token_ids = np.random.default_rng(2).integers(0, VOCABULARY, (ROWS, TIME)).astype(np.int32)
    numbers = uniform_numbers(3, range(ROWS), TIME)
    together = drawn(model, token_ids, numbers)
    alone = [drawn(model, token_ids[row : row + 1], numbers[row : row + 1]) for row in range(ROWS)]
    agreement = (np.concatenate(alone) == together).mean()
    assert agreement >= 0.999
    assert len(np.unique(together)) > 100  # the draws are no constant


def drawn(model, token_ids, numbers):
    """The tokens `(rows, time)` drawn after each given token, step by step, the model under XLA."""
    program = _program(model)
    state, columns = model.initial_state(len(token_ids)), []
    for column in range(token_ids.shape[1]):
        one = tf.constant(token_ids[:, column : column + 1])
        logits, state = program(one, state)
        columns.append(draw(logits.numpy(), numbers[:, column]))
    return np.stack(columns, axis=1)


@functools.cache
def _program(model):
    def step(token_ids, state):
        logits, state = model.advance(token_ids, state)
        return tf.cast(logits[:, 0], tf.float32), state

    return tf.function(step, jit_compile=True, autograph=False)
