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

from textgen_samplers.nucleus import NucleusSampler


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (0.01, [2]),
        (0.49, [2]),
        (0.51, [2, 3]),
        (0.79, [2, 3]),
        (0.81, [1, 2, 3]),
        (0.96, [0, 1, 2, 3]),
    ],
)
def test_nucleus_keeps_the_token_that_crosses_p(p, expected):
    assert kept(transform(NucleusSampler(p=p), logits_of([0.05, 0.15, 0.5, 0.3]))) == expected


def test_nucleus_keeps_all_that_are_as_probable_as_the_token_that_crosses_p():
    assert kept(transform(NucleusSampler(p=0.6), logits_of([0.5, 0.2, 0.2, 0.1]))) == [0, 1, 2]


def test_nucleus_of_equal_tokens_keeps_them_all():
    assert kept(transform(NucleusSampler(p=0.1), logits_of([0.25] * 4))) == [0, 1, 2, 3]


def test_nucleus_tells_tokens_apart_that_differ_by_one_rounding():
    row = np.array([0.0, np.nextafter(np.float32(0), np.float32(-1)), -1e-7, -3e-7], np.float32)
    assert kept(transform(NucleusSampler(p=0.7), row[None])) == [0, 1, 2]


def test_p_of_one_changes_nothing():
    logits = np.array([[-INFINITY, 0.0, -90.0, -200.0]])
    np.testing.assert_array_equal(
        transform(NucleusSampler(p=1.0), logits), logits.astype(np.float32)
    )


@pytest.mark.parametrize("row", [[-INFINITY, 5.0, -INFINITY, -INFINITY], [-INFINITY] * 4])
def test_nucleus_never_brings_an_excluded_token_back(row):
    found = transform(NucleusSampler(p=0.9), np.array([row]))
    np.testing.assert_array_equal(found, np.array([row], np.float32))


def test_an_excluded_row_leaves_the_others_alone():
    rows = np.concatenate([logits_of([0.0] * 4), logits_of([0.05, 0.15, 0.5, 0.3])])
    found = transform(NucleusSampler(p=0.7), rows, "xla")
    assert kept(found[:1]) == []
    assert kept(found[1:]) == [2, 3]


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.9, 0.99])
def test_nucleus_is_exact_on_random_distributions(p, mode):
    compared = 0
    for spread in (0.1, 1.0, 4.0, 20.0):
        logits = random_logits(3, rows=16, vocabulary=500, spread=spread)
        found = transform(NucleusSampler(p=p), logits, mode)
        mask, is_clear = smallest_sets(logits, p)
        compared += is_clear.sum()
        np.testing.assert_array_equal(np.isfinite(found)[is_clear], mask[is_clear])
        np.testing.assert_allclose(
            probabilities_of(found)[is_clear], restrict(logits, mask)[is_clear], atol=1e-6
        )
    assert compared > 50


def smallest_sets(logits, p):
    """The nuclei by sorting in float64, and whether float32 sums can tell them for sure."""
    probabilities = probabilities_of(logits)
    order = np.argsort(-probabilities, axis=1)
    sums = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    before = np.concatenate([np.zeros((len(sums), 1)), sums[:, :-1]], axis=1)
    mask = np.zeros(logits.shape, bool)
    np.put_along_axis(mask, order, before < p, axis=1)
    return mask, np.abs(sums - p).min(axis=1) > 2e-6
