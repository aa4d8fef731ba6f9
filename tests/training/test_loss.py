"""The loss against its formula in float64, and in chunks against the whole."""

import numpy as np
import pytest
import tensorflow as tf

from textgen_core.training import loss as loss_module
from textgen_core.training.loss import chunk_rows, cross_entropy, projected_cross_entropy

ROWS, WIDTH, VOCABULARY = 24, 6, 11


def reference(logits, targets, smoothing):
    """logsumexp - (1 - e) * logit[y] - e * mean(logits), summed where the target is no padding."""
    logits = np.asarray(logits, np.float64)
    top = logits.max(axis=-1, keepdims=True)
    log_total = np.log(np.exp(logits - top).sum(axis=-1)) + top[..., 0]
    at_target = np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    counted = targets != 0
    plain = (log_total - at_target)[counted].sum()
    smoothed = log_total - (1 - smoothing) * at_target - smoothing * logits.mean(axis=-1)
    return smoothed[counted].sum(), plain, counted.sum()


@pytest.fixture
def drawn():
    random = np.random.default_rng(5)
    logits = (4 * random.normal(size=(3, 8, VOCABULARY))).astype(np.float32)
    targets = random.integers(0, VOCABULARY, (3, 8)).astype(np.int32)
    targets[1, 5:] = 0
    return logits, targets


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy_is_the_smoothing_formula_in_float64(drawn, smoothing):
    logits, targets = drawn
    objective, plain, tokens = reference(logits, targets, smoothing)
    found = cross_entropy(tf.constant(logits), tf.constant(targets), smoothing)
    np.testing.assert_allclose(found.objective, objective, rtol=1e-6)
    np.testing.assert_allclose(found.plain, plain, rtol=1e-6)
    assert float(found.tokens) == tokens


def test_padding_gives_neither_loss_nor_gradient(drawn):
    logits, targets = tf.Variable(drawn[0]), drawn[1]
    with tf.GradientTape() as tape:
        objective = cross_entropy(logits, tf.constant(targets), 0.1).objective
    gradient = tape.gradient(objective, logits).numpy()
    assert not gradient[targets == 0].any()
    assert gradient[targets != 0].any(axis=-1).all()


def test_a_batch_of_padding_alone_has_no_loss():
    found = cross_entropy(tf.ones((2, 3, VOCABULARY)), tf.zeros((2, 3), tf.int32), 0.1)
    assert (float(found.objective), float(found.plain), float(found.tokens)) == (0, 0, 0)


def test_logits_of_bfloat16_are_scored_in_float32(drawn):
    logits, targets = drawn
    narrow = tf.cast(logits, tf.bfloat16)
    expected = reference(tf.cast(narrow, tf.float32).numpy(), targets, 0.0)[1]
    np.testing.assert_allclose(cross_entropy(narrow, targets).plain, expected, rtol=1e-6)


class Problem:
    """Hidden vectors from a matrix that is tied to the output, so both ways reach one variable."""

    def __init__(self):
        random = np.random.default_rng(1)
        self.matrix = tf.Variable(random.normal(size=(VOCABULARY, WIDTH)).astype(np.float32))
        self.bias = tf.Variable(random.normal(size=VOCABULARY).astype(np.float32))
        self.unused = tf.Variable(random.normal(size=3).astype(np.float32))
        self.mixing = tf.Variable(random.normal(size=(WIDTH, WIDTH)).astype(np.float32))
        self.inputs = tf.constant(random.integers(1, VOCABULARY, ROWS).astype(np.int32))
        targets = random.integers(1, VOCABULARY, ROWS).astype(np.int32)
        targets[-5:] = 0
        self.targets = tf.constant(targets)
        self.variables = [self.matrix, self.bias, self.unused, self.mixing]

    def hidden(self):
        return tf.tanh(tf.gather(self.matrix, self.inputs) @ self.mixing)

    def project(self, hidden):
        tf.reduce_sum(self.unused)  # read, and without influence
        return hidden @ tf.transpose(self.matrix) + self.bias

    def run(self, rows_at_once, smoothing):
        with tf.GradientTape() as tape:
            hidden = self.hidden()
            if rows_at_once is None:
                found = cross_entropy(self.project(hidden), self.targets, smoothing)
            else:
                found = projected_cross_entropy(
                    hidden,
                    self.project,
                    self.targets,
                    rows_at_once=rows_at_once,
                    label_smoothing=smoothing,
                )
            objective = found.objective / found.tokens * 3.0  # as a loss scale would
        gradients = tape.gradient(
            objective, self.variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
        return (found.objective, found.plain, found.tokens), dense


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("rows_at_once", [1, 5, 8, 24])
def test_the_loss_in_chunks_equals_the_whole_in_value_and_all_gradients(rows_at_once, jit_compile):
    problem = Problem()
    sums, gradients = problem.run(None, 0.1)
    chunked = tf.function(lambda: problem.run(rows_at_once, 0.1), jit_compile=jit_compile)
    found_sums, found_gradients = chunked()
    np.testing.assert_allclose(found_sums, sums, rtol=1e-5)
    for found, expected in zip(found_gradients, gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_the_loss_in_chunks_needs_no_smoothing_and_no_compilation():
    problem = Problem()
    sums, gradients = problem.run(None, 0.0)
    found_sums, found_gradients = problem.run(7, 0.0)
    np.testing.assert_allclose(found_sums, sums, rtol=1e-5)
    for found, expected in zip(found_gradients, gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 97, 1009, 3200])
@pytest.mark.parametrize("vocabulary_size", [70, 10_000, 50_000, 10**8])
def test_chunks_are_as_few_as_memory_allows_also_for_a_prime_number_of_rows(rows, vocabulary_size):
    size = chunk_rows(rows, vocabulary_size)
    most = loss_module._CHUNK_LOGITS
    assert 1 <= size <= rows
    assert size == 1 or size * vocabulary_size <= most
    fewest = -(-rows // max(1, most // vocabulary_size))
    assert -(-rows // size) == fewest
