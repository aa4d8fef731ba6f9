from __future__ import annotations

import numpy as np
import pytest
from generation.distributions import kept, logits_of, transform

from textgen_samplers.greedy import GreedySampler
from textgen_samplers.nucleus import NucleusSampler
from textgen_samplers.temperature import TemperatureSampler
from textgen_samplers.top_k import TopKSampler


def test_greedy_keeps_only_the_most_probable_token():
    logits = logits_of([0.1, 0.2, 0.4, 0.3])
    assert kept(transform(GreedySampler(), logits)) == [2]


def test_greedy_keeps_all_of_the_tokens_that_are_equally_the_most_probable():
    assert kept(transform(GreedySampler(), logits_of([0.4, 0.1, 0.1, 0.4]))) == [0, 3]


def test_greedy_never_brings_an_excluded_token_back():
    assert kept(transform(GreedySampler(), logits_of([0.0, 1.0, 0.0, 0.0]))) == [1]
    assert kept(transform(GreedySampler(), logits_of([0.0, 0.0, 0.0, 0.0]))) == []


@pytest.mark.parametrize(
    "probabilities", [[0.1, 0.2, 0.4, 0.3], [0.4, 0.1, 0.4, 0.1], [0.25] * 4, [0.0, 0.0, 0.0, 1.0]]
)
@pytest.mark.parametrize(
    "sampler", [TopKSampler(k=1), NucleusSampler(p=1e-9), TemperatureSampler(t=1e-9)]
)
def test_top_1_a_tiny_nucleus_and_a_tiny_temperature_are_greedy(sampler, probabilities):
    logits = logits_of(probabilities)
    expected = transform(GreedySampler(), logits)
    found = transform(sampler, logits)
    # A temperature excludes nothing, but what it leaves of the others is nothing.
    np.testing.assert_array_equal(np.exp(found - found.max()), np.exp(expected - expected.max()))
