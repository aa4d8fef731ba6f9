"""Models whose numbers are known, to be looked into: vectors of letters, logits of a table."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from generation.fake_models import TableModel, build_tokenizer

from textgen_core.explore.explorer import Explorer
from textgen_core.models.language_model import LanguageModel

LETTERS = "abcdef"
A, B, C, D, E, F = range(4, 10)
# The special tokens lie where a is, to see that they are left out.
VECTORS = np.array(
    [*[[1.0, 0.0]] * 4, [2.0, 0.0], [1.0, 0.1], [0.0, 3.0], [-1.0, 0.0], [1.0, 1.0], [0.0, 0.0]],
    np.float32,
)


class ShownModel(TableModel):
    """A table of logits that shows vectors, and attends to all tokens so far alike."""

    def __init__(self, table=None, vectors=VECTORS):
        super().__init__(np.zeros((10, 10), np.float32) if table is None else table)
        self.token_embeddings = tf.constant(vectors)

    def attention(self, token_ids):
        ones = tf.linalg.band_part(tf.ones((token_ids.shape[0],) * 2), -1, 0)
        layer = ones / tf.reduce_sum(ones, axis=1, keepdims=True)
        first = tf.one_hot(tf.zeros_like(token_ids), token_ids.shape[0])  # all look at the first
        return tf.stack([tf.stack([layer, layer]), tf.stack([layer, first])])


def explorer(model=None, letters=LETTERS, context_length=16):
    language_model = LanguageModel(
        model=ShownModel() if model is None else model,
        tokenizer=build_tokenizer(letters),
        context_length=context_length,
    )
    return Explorer(language_model, "'shown'")
