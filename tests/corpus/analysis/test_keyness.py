from __future__ import annotations

import math

import numpy as np
import pytest

from textgen_core.corpus.analysis.vocabulary import find_domain_words, log_likelihood


def test_the_score_is_that_of_the_formula():
    # Rayson and Garside's example in their table: a = 10, b = 20, c = 1000, d = 4000.
    expected_here, expected_there = 1000 * 30 / 5000, 4000 * 30 / 5000
    by_hand = 2 * (10 * math.log(10 / expected_here) + 20 * math.log(20 / expected_there))
    (score,) = log_likelihood(np.array([10.0]), 1000, np.array([20.0]), 4000)
    assert score == pytest.approx(by_hand)


def test_words_that_a_text_uses_more_than_the_reference_mark_it_the_strongest_first():
    here = {"the": 60, "whale": 30, "ship": 10, "and": 5, "7": 40, "rare": 2}
    there = {"the": 620, "and": 300, "ship": 1}
    found = find_domain_words(here, 147, there, 1000, 20)
    assert [each.word for each in found] == ["whale", "ship"]
    whale = found[0]
    assert (whale.occurrences, whale.per_million, whale.per_million_in_reference) == (
        30,
        204081.6,
        0.0,
    )
    assert whale.score == pytest.approx(2 * 30 * math.log(1147 / 147), abs=0.1)


def test_the_same_text_has_no_words_that_mark_it():
    counts = {"a": 10, "b": 20}
    assert find_domain_words(counts, 30, counts, 30, 20) == ()


def test_an_empty_text_or_reference_marks_nothing():
    assert find_domain_words({}, 0, {"a": 9}, 9, 20) == ()
    assert find_domain_words({"a": 9}, 9, {}, 0, 20) == ()
