"""Every bundled sampler against float64 numpy: what it keeps, how likely, and how often drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from generation import reference_samplers
from generation.distributions import INFINITY, probabilities_of

from textgen_core.components import History
from textgen_core.generation.drawing import draw, uniform_numbers
from textgen_samplers import textgen_samplers

DRAWS, VOCABULARY = 200_000, 50
MOST_UNLIKELY = 1e-6  # the p-value below which frequencies are taken to be other ones

# The name of a sampler, its options, and options that are off.
CASES = [
    ("greedy", {}, None),
    ("temperature", {"t": 0.7}, {"t": 0.72}),
    ("top-k", {"k": 7}, {"k": 8}),
    ("nucleus", {"p": 0.8}, {"p": 0.9}),
    ("min-p", {"p": 0.1}, {"p": 0.3}),
    ("typical", {"p": 0.6}, {"p": 0.8}),
    ("repetition-penalty", {"penalty": 1.3}, {"penalty": 1.35}),
    (
        "occurrence-penalty",
        {"frequency": 0.4, "presence": 0.7},
        {"frequency": 0.5, "presence": 0.7},
    ),
    ("no-repeat-ngram", {"n": 2}, {"n": 3}),
]
OF_NEW_TEXT = ("occurrence-penalty",)
WITH_TEXT = ("repetition-penalty", "no-repeat-ngram", *OF_NEW_TEXT)


def reference_of(name, logits, options, seen):
    function = getattr(reference_samplers, name.replace("-", "_"))
    return function(logits, **options, **({"seen": seen} if name in WITH_TEXT else {}))


def apply(name, options, logits, seen):
    """What a sampler makes of logits under XLA, its numbers passed as arguments where it can."""
    sampler = textgen_samplers()[name](**options)
    capacity = max(map(len, seen)) + 3
    token_ids = np.zeros((len(seen), capacity), np.int32)
    for row, tokens in zip(token_ids, seen, strict=True):
        row[: len(tokens)] = tokens
    lengths = tf.constant([len(tokens) for tokens in seen])
    prompts = tf.zeros_like(lengths) if name in OF_NEW_TEXT else lengths
    history = History(token_ids=tf.constant(token_ids), length=lengths, prompt_length=prompts)
    program = tf.function(
        lambda logits: sampler.transform(logits, history), jit_compile=True, autograph=False
    )
    return program(tf.constant(logits)).numpy()


def random_texts(count, vocabulary, seed):
    """Texts of few different tokens, so that phrases come again."""
    draws = np.random.default_rng(seed)
    return [
        draws.integers(0, min(6, vocabulary), draws.integers(1, 30)).tolist() for _ in range(count)
    ]


def awkward_distributions(count, vocabulary=40):
    """Flat, peaked, tied, one-hot and partly excluded rows of logits."""
    draws = np.random.default_rng(4)
    spread = draws.choice([0.01, 0.5, 2.0, 6.0, 25.0], (count, 1))
    logits = (draws.normal(size=(count, vocabulary)) * spread).astype(np.float32)
    logits[::5] = np.round(logits[::5])  # ties
    logits[1::4][draws.random((len(logits[1::4]), vocabulary)) < 0.4] = -INFINITY
    logits[2::50] = -INFINITY  # one-hot
    logits[np.arange(count), draws.integers(0, vocabulary, count)] = 1.0
    return logits


@pytest.mark.parametrize(("name", "options", "other"), CASES, ids=[case[0] for case in CASES])
def test_a_sampler_keeps_what_the_reference_keeps_on_1000_distributions(name, options, other):
    logits = awkward_distributions(1000)
    seen = random_texts(1000, logits.shape[1], seed=5)
    found = apply(name, options, logits, seen)
    expected, is_clear = reference_of(name, logits, options, seen)
    assert is_clear.mean() > 0.9
    np.testing.assert_array_equal(
        (found > -INFINITY)[is_clear] & (logits > -INFINITY)[is_clear],
        (expected > 0)[is_clear] | _vanishing(found, expected)[is_clear],
    )
    np.testing.assert_allclose(probabilities_of(found)[is_clear], expected[is_clear], atol=1e-6)


def _vanishing(found, expected):
    """Tokens that are kept, and whose probability is too small for float64."""
    return (found > -INFINITY) & (expected == 0) & (probabilities_of(found) == 0)


@pytest.mark.parametrize(("name", "options", "other"), CASES, ids=[case[0] for case in CASES])
def test_tokens_are_drawn_as_often_as_the_reference_says(name, options, other):
    logits = np.random.default_rng(6).normal(size=(1, VOCABULARY)).astype(np.float32) * 1.5
    seen = [[4, 5, 6, 7, 8, 3, 5, 9, 9, 4, 5]]  # after 5 came 6 and 9, after 4 and 5 only 6
    logits[0, [6, 9]] = 2.0
    expected = reference_of(name, logits, options, seen)[0][0]
    drawn = frequencies(apply(name, options, logits, seen)[0])
    assert drawn[expected == 0].sum() == 0
    assert chance_of(drawn, expected) > MOST_UNLIKELY
    if other is not None:
        drawn = frequencies(apply(name, other, logits, seen)[0])
        is_outside = drawn[expected == 0].sum() > 0
        assert is_outside or chance_of(drawn, expected) < MOST_UNLIKELY


def frequencies(logits):
    """How often each token is drawn, by the core's own drawing."""
    numbers = uniform_numbers(11, range(1), DRAWS)[0]
    rows = 2_000  # at once, so that memory stays small
    batch = np.repeat(logits[None], rows, axis=0)
    drawn = [draw(batch, numbers[at : at + rows]) for at in range(0, DRAWS, rows)]
    return np.bincount(np.concatenate(drawn), minlength=len(logits))


def chance_of(counts, probabilities):
    """The p-value of a chi-square test; tokens expected less than 5 times are taken together."""
    expected = probabilities * counts.sum()
    is_rare = expected < 5
    observed = np.append(counts[~is_rare], counts[is_rare].sum())
    wanted = np.append(expected[~is_rare], expected[is_rare].sum())
    keep = wanted > 0
    statistic = ((observed[keep] - wanted[keep]) ** 2 / wanted[keep]).sum()
    return _chi_square_tail(statistic, int(keep.sum()) - 1)


def _chi_square_tail(statistic, freedom):
    """Wilson and Hilferty's approximation (1931), good to a few percent far into the tail."""
    if freedom < 1:
        return 1.0 if statistic == 0 else 0.0
    spread = 2 / (9 * freedom)
    deviation = ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(deviation / math.sqrt(2))


def test_the_test_of_frequencies_knows_the_tables_of_chi_square():
    for freedom, statistic, chance in [(10, 18.31, 0.05), (49, 85.35, 0.001), (20, 45.31, 0.001)]:
        assert _chi_square_tail(statistic, freedom) == pytest.approx(chance, rel=0.1)
