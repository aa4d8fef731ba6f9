from __future__ import annotations

import numpy as np
import pytest
from generation.distributions import INFINITY, logits_of, probabilities_of, random_logits, transform

from textgen_samplers.temperature import TemperatureSampler


def test_half_a_temperature_squares_the_probabilities():
    found = probabilities_of(transform(TemperatureSampler(t=0.5), logits_of([0.1, 0.2, 0.3, 0.4])))
    np.testing.assert_allclose(found[0], np.array([1, 4, 9, 16]) / 30, atol=1e-6)


def test_temperature_two_takes_the_square_root_of_the_probabilities():
    found = probabilities_of(
        transform(TemperatureSampler(t=2.0), logits_of([0.0, 0.04, 0.0, 0.96]))
    )
    root = np.sqrt([0.0, 0.04, 0.0, 0.96])
    np.testing.assert_allclose(found[0], root / root.sum(), atol=1e-6)


def test_temperature_one_changes_nothing():
    logits = random_logits(0, rows=3, vocabulary=50, spread=2.0)
    np.testing.assert_array_equal(transform(TemperatureSampler(), logits), logits)


@pytest.mark.parametrize("temperature", [1e-300, 1e-30, 1e-6, 100.0])
def test_any_temperature_leaves_numbers_and_excluded_tokens_excluded(temperature):
    logits = np.array([[-INFINITY, -80.0, 0.0, 80.0]])
    found = transform(TemperatureSampler(t=temperature), logits)
    assert found[0, 0] == -INFINITY
    assert np.isfinite(found[0, 1:]).all()


@pytest.mark.parametrize("mode", ["graph", "xla"])
def test_temperature_compiles_to_the_same_distribution(mode):
    logits = random_logits(1, rows=3, vocabulary=50, spread=2.0)
    sampler = TemperatureSampler(t=0.7)
    expected = probabilities_of(logits.astype(np.float64) / 0.7)
    np.testing.assert_allclose(
        probabilities_of(transform(sampler, logits, mode)), expected, atol=1e-6
    )
