from __future__ import annotations

import math

import numpy as np
import pytest

from textgen_core.evaluation.figures import (
    bits_per_byte,
    measure_losses,
    perplexity,
    read_perplexity,
)


def test_perplexity_is_the_exponential_of_the_mean_loss():
    figures = measure_losses(np.log([2.0, 8.0]).astype(np.float32), text_bytes=2, unknown_bytes=0)
    assert figures.tokens == 2
    assert figures.loss == pytest.approx(math.log(4))
    assert figures.perplexity == pytest.approx(4)


def test_bits_per_byte_divides_all_bits_by_the_bytes_of_the_text():
    figures = measure_losses(np.log([2.0, 8.0]).astype(np.float32), text_bytes=8, unknown_bytes=0)
    assert figures.bits_per_byte == pytest.approx((1 + 3) / 8)


def test_every_byte_hidden_by_an_unknown_token_pays_eight_bits():
    assert bits_per_byte(0.0, text_bytes=10, unknown_bytes=5) == pytest.approx(4.0)
    assert bits_per_byte(math.log(2), text_bytes=10, unknown_bytes=5) == pytest.approx(4.1)


def test_many_small_losses_are_summed_in_double_precision():
    losses = np.full(5_000_000, 0.1, np.float32)
    assert measure_losses(losses, 1, 0).loss == pytest.approx(float(np.float32(0.1)), rel=1e-9)


def test_nothing_scored_has_no_figures():
    figures = measure_losses(np.zeros(0, np.float32), text_bytes=0, unknown_bytes=0)
    assert figures.tokens == 0
    assert math.isnan(figures.loss)
    assert math.isnan(figures.perplexity)
    assert math.isnan(figures.bits_per_byte)


def test_a_perplexity_too_large_for_a_float_is_infinite():
    assert perplexity(1e6) == math.inf


@pytest.mark.parametrize(
    ("value", "words"),
    [(19.9, "well"), (20.0, "good"), (50.0, "common"), (100.0, "unsure of most")],
)
def test_the_reading_changes_at_20_50_and_100(value, words):
    assert words in read_perplexity(value, vocabulary_size=1000)


def test_the_reading_names_the_mark_of_guessing():
    assert "guessing has 1000 (a loss of 6.91)" in read_perplexity(30.0, 1000)


@pytest.mark.parametrize("value", [64.0, 200.0, math.inf])
def test_a_perplexity_of_the_vocabulary_or_more_is_no_better_than_guessing(value):
    assert "no better than guessing" in read_perplexity(value, 64)


def test_short_tokens_are_not_read_by_the_bounds_of_words():
    assert "knows" in read_perplexity(11.0, 10_000)
    assert "compare bits per byte" in read_perplexity(11.0, 107)


def test_an_undefined_perplexity_is_not_praised():
    assert read_perplexity(math.nan, 64) == "No token was scored."
