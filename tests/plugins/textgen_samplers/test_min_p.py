from __future__ import annotations

import numpy as np
import pytest
from generation.distributions import INFINITY, kept, logits_of, transform

from textgen_samplers.min_p import MinPSampler


@pytest.mark.parametrize(
    ("p", "expected"), [(0.05, [0, 1, 2, 3]), (0.25, [1, 2, 3]), (0.5, [2, 3]), (1.0, [2])]
)
def test_min_p_keeps_what_reaches_the_share_of_the_highest_probability(p, expected):
    assert kept(transform(MinPSampler(p=p), logits_of([0.05, 0.15, 0.5, 0.3]))) == expected


def test_all_of_the_most_probable_tokens_are_kept():
    assert kept(transform(MinPSampler(p=1.0), logits_of([0.4, 0.2, 0.4]))) == [0, 2]


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_min_p_never_brings_an_excluded_token_back(mode):
    row = np.array([[-INFINITY, 5.0, -INFINITY], [-INFINITY] * 3], np.float32)
    np.testing.assert_array_equal(transform(MinPSampler(p=0.01), row, mode), row)
