from __future__ import annotations

import numpy as np
import pytest
from generation.distributions import (
    INFINITY,
    kept,
    logits_of,
    probabilities_of,
    random_logits,
    restrict,
    transform,
)

from textgen_samplers.top_k import TopKSampler


@pytest.mark.parametrize(("k", "expected"), [(1, [2]), (2, [2, 3]), (3, [1, 2, 3])])
def test_top_k_keeps_the_k_most_probable_tokens(k, expected):
    assert kept(transform(TopKSampler(k=k), logits_of([0.1, 0.2, 0.4, 0.3]))) == expected


def test_top_k_keeps_all_that_are_as_probable_as_the_kth():
    assert kept(transform(TopKSampler(k=2), logits_of([0.4, 0.2, 0.2, 0.2]))) == [0, 1, 2, 3]


def test_top_k_takes_minus_zero_for_zero():
    assert kept(transform(TopKSampler(k=1), np.array([[-0.0, 0.0, -1.0, -2.0]]))) == [0, 1]


@pytest.mark.parametrize("k", [4, 5, 1000])
def test_k_of_the_vocabulary_or_more_changes_nothing(k):
    logits = logits_of([0.1, 0.0, 0.6, 0.3])
    np.testing.assert_array_equal(transform(TopKSampler(k=k), logits), logits.astype(np.float32))


@pytest.mark.parametrize("row", [[-INFINITY, 5.0, -INFINITY, -7.0], [-INFINITY] * 4])
def test_top_k_never_brings_an_excluded_token_back(row):
    found = transform(TopKSampler(k=3), np.array([row]))
    np.testing.assert_array_equal(found, np.array([row], np.float32))


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_top_k_is_exact_on_random_distributions(k, mode):
    for spread in (1e-3, 1.0, 30.0):
        logits = random_logits(k, rows=16, vocabulary=333, spread=spread)
        found = transform(TopKSampler(k=k), logits, mode)
        mask = logits >= -np.sort(-logits, axis=1)[:, k - 1 : k]
        np.testing.assert_array_equal(np.isfinite(found), mask & np.isfinite(logits))
        np.testing.assert_allclose(probabilities_of(found), restrict(logits, mask), atol=1e-6)
