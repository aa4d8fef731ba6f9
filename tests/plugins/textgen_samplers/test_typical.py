from __future__ import annotations

import numpy as np
import pytest
from generation.distributions import INFINITY, kept, logits_of, transform

from textgen_samplers.typical import TypicalSampler

# Its entropy is 1.14 nats; the surprises are 3.0, 1.90, 0.69, 1.20: the fourth is the most typical.
PROBABILITIES = [0.05, 0.15, 0.5, 0.3]


@pytest.mark.parametrize(
    ("p", "expected"),
    [(0.2, [3]), (0.31, [2, 3]), (0.79, [2, 3]), (0.81, [1, 2, 3]), (0.96, [0, 1, 2, 3])],
)
def test_typical_keeps_what_is_closest_to_the_entropy(p, expected):
    assert kept(transform(TypicalSampler(p=p), logits_of(PROBABILITIES))) == expected


def test_tokens_that_are_as_typical_are_kept_together():
    assert kept(transform(TypicalSampler(p=0.1), logits_of([0.25] * 4))) == [0, 1, 2, 3]


def test_p_of_one_changes_nothing():
    logits = np.array([[-INFINITY, 0.0, -30.0, -90.0]], np.float32)
    np.testing.assert_array_equal(transform(TypicalSampler(p=1.0), logits), logits)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_typical_never_brings_an_excluded_token_back(mode):
    row = np.array([[-INFINITY, 5.0, -INFINITY], [-INFINITY] * 3], np.float32)
    np.testing.assert_array_equal(transform(TypicalSampler(p=0.9), row, mode), row)
