"""Embeddings of n-grams: which rows they look up, and what a table holds."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from textgen_models.ngrams import NgramEmbedding

VOCABULARY = 7


def built(longest, rows=10_000):
    def initialiser():
        return keras.initializers.RandomNormal(seed=3)

    layer = NgramEmbedding(VOCABULARY, longest, rows, 4, initialiser, name="ngrams")
    layer.build((None, None))
    return layer


def test_a_bigram_has_the_row_of_its_two_tokens_and_the_first_follows_padding():
    layer = built(2)
    found, _ = layer(tf.constant([[3, 5, 2]]))
    table = layer.tables[0].numpy()
    expected = table[[0 * VOCABULARY + 3, 3 * VOCABULARY + 5, 5 * VOCABULARY + 2]]
    np.testing.assert_allclose(found, [expected])


def test_lengths_are_added_up():
    token_ids = tf.constant([[3, 5, 2]])
    layer = built(3)
    table_2, table_3 = (table.numpy() for table in layer.tables)
    last = table_2[5 * VOCABULARY + 2] + table_3[(3 * VOCABULARY + 5) * VOCABULARY + 2]
    np.testing.assert_allclose(layer(token_ids)[0][0, 2], last, rtol=1e-6)


def test_a_table_is_no_larger_than_its_n_grams_nor_than_its_rows():
    shapes = [tuple(table.shape) for table in built(3, rows=100).tables]
    assert shapes == [(VOCABULARY**2, 4), (100, 4)]


def test_hashed_n_grams_spread_over_the_rows_as_evenly_as_by_chance():
    rows, vocabulary = 64, 50
    layer = NgramEmbedding(vocabulary, 3, rows, 1, lambda: "zeros", name="ngrams")
    grams = np.random.default_rng(1).integers(0, vocabulary, (3, 20_000))
    found = layer._rows_of([tf.constant(each, tf.int32) for each in grams]).numpy()
    counts = np.bincount(found, minlength=rows)
    expected = grams.shape[1] / rows
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert len(counts) == rows
    assert chi_square < 130  # 63 degrees of freedom: p about 1e-6


def test_the_order_of_tokens_matters_to_a_hashed_n_gram():
    layer = built(3, rows=50)
    one, other = (
        layer._rows_of(list(tf.constant([[1], [2], [3]]))),
        layer._rows_of(list(tf.constant([[3], [2], [1]]))),
    )
    assert int(one[0]) != int(other[0])


def test_what_is_held_is_the_last_tokens():
    layer = built(4)
    whole, held = layer(tf.constant([[1, 2, 3, 4, 5]]))
    _, before = layer(tf.constant([[1, 2]]))
    rest, after = layer(tf.constant([[3, 4, 5]]), before)
    np.testing.assert_allclose(rest, whole[:, 2:], rtol=1e-6)
    np.testing.assert_array_equal(held, [[3, 4, 5]])
    np.testing.assert_array_equal(after, held)
