from __future__ import annotations

import numpy as np
import pytest
from generation.distributions import INFINITY, logits_of, probabilities_of, random_logits

from textgen_core.generation.drawing import draw, uniform_numbers

ALMOST_ONE = np.nextafter(1.0, 0.0)


def draw_rows(logits, numbers):
    with np.errstate(all="ignore"):
        return np.array(draw(np.asarray(logits, np.float32), np.asarray(numbers)))


def test_numbers_lie_between_zero_and_one():
    numbers = uniform_numbers(0, range(10), 1000)
    assert numbers.shape == (10, 1000)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.01


def test_numbers_depend_on_seed_sample_and_position_alone():
    numbers = uniform_numbers(5, [0, 1, 2], 7)
    np.testing.assert_array_equal(uniform_numbers(5, [2], 30)[:, :7], numbers[2:])
    assert len({*numbers.ravel(), *uniform_numbers(6, [0, 1, 2], 7).ravel()}) == 42


@pytest.mark.parametrize("seed", [-1, 0, 2**63, 2**70])
def test_any_whole_number_is_a_seed(seed):
    assert uniform_numbers(seed, [0], 3).shape == (1, 3)


@pytest.mark.parametrize(
    ("number", "token"),
    [(0.0, 0), (0.09, 0), (0.11, 1), (0.29, 1), (0.31, 2), (0.59, 2), (0.61, 3), (ALMOST_ONE, 3)],
)
def test_the_token_is_where_the_cumulative_probability_passes_the_number(number, token):
    assert draw_rows(logits_of([0.1, 0.2, 0.3, 0.4]), [number]).tolist() == [token]


def test_an_excluded_token_is_never_drawn():
    logits = random_logits(0, rows=200, vocabulary=1000, spread=5.0)
    logits[:, [0, -1]] = -INFINITY
    edges = [0.0, 2.0**-53, 0.5, 1 - 2.0**-24, ALMOST_ONE]
    numbers = np.resize(edges, 200)
    drawn = draw_rows(logits, numbers)
    assert np.isfinite(logits[np.arange(200), drawn]).all()


@pytest.mark.parametrize("number", [0.0, 0.5, ALMOST_ONE])
@pytest.mark.parametrize("place", [0, 127, 128, 299])
def test_the_only_token_left_is_drawn_whatever_the_number(number, place):
    logits = np.full((1, 300), -INFINITY)
    logits[0, place] = -1000.0
    assert draw_rows(logits, [number]).tolist() == [place]


def test_a_row_without_tokens_draws_an_id_of_the_vocabulary():
    assert draw_rows(np.full((1, 300), -INFINITY), [0.5])[0] in range(300)


def test_draws_are_those_of_float64():
    logits = random_logits(1, rows=500, vocabulary=700, spread=3.0)
    numbers = uniform_numbers(0, [0], 500)[0]
    sums = np.cumsum(probabilities_of(logits), axis=1)
    is_clear = np.abs(sums - numbers[:, None]).min(axis=1) > 1e-6
    expected = (sums <= numbers[:, None]).sum(axis=1)
    np.testing.assert_array_equal(draw_rows(logits, numbers)[is_clear], expected[is_clear])
    assert is_clear.sum() > 450


def test_draws_from_given_logits_are_the_same_in_any_batch():
    logits = random_logits(2, rows=64, vocabulary=900, spread=3.0)
    numbers = uniform_numbers(1, [0], 64)[0]
    together = draw_rows(logits, numbers)
    for size in (1, 16):
        parts = range(0, 64, size)
        apart = [draw_rows(logits[i : i + size], numbers[i : i + size]) for i in parts]
        np.testing.assert_array_equal(np.concatenate(apart), together)


def test_tokens_are_drawn_as_often_as_is_probable():
    count, probabilities = 20_000, np.array([0.05, 0.15, 0.3, 0.5])
    logits = np.repeat(logits_of(probabilities), count, axis=0)
    drawn = draw_rows(logits, uniform_numbers(3, range(count), 1)[:, 0])
    observed = np.bincount(drawn, minlength=4)
    chi_square = ((observed - count * probabilities) ** 2 / (count * probabilities)).sum()
    assert chi_square < 16.3  # one in a thousand, three degrees of freedom
