from __future__ import annotations

from collections import Counter
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.analysis.hashing import HashedCounts, hash_texts
from textgen_core.corpus.analysis.vocabulary import SHOWN, VocabularyCounter


def counted(*blocks, **limits):
    counter = VocabularyCounter(**limits)
    numbered = [counter.add(block) for block in blocks]
    return counter.finish(), numbered


def test_ids_follow_first_occurrence_and_hashes_are_those_of_the_words():
    vocabulary, (first, second) = counted(["b", "a", "b"], ["a", "c"])
    assert first[0].tolist() == [1, 2, 1]
    assert second[0].tolist() == [2, 3]
    assert list(vocabulary.names) == ["", "b", "a", "c"]
    assert second[1].tolist() == hash_texts(["a", "c"]).tolist()


@given(st.lists(st.lists(st.sampled_from("abcdefghijkl"), max_size=30), max_size=8))
def test_counts_are_exact_however_few_words_have_an_id(blocks):
    vocabulary, numbered = counted(*blocks, named=3)
    expected = Counter(word for block in blocks for word in block)
    assert vocabulary.counts == expected
    assert (vocabulary.tokens, vocabulary.types) == (expected.total(), len(expected))
    assert vocabulary.hapaxes == sum(count == 1 for count in expected.values())
    ranks = range(1, len(expected) + 1)
    assert vocabulary.at_ranks(ranks) == sorted(expected.values(), reverse=True)
    words = [word for block in blocks for word in block]
    ids = np.concatenate([ids for ids, _ in numbered]) if numbered else []
    assert len(dict(zip(ids, words))) == len(expected)
    assert not vocabulary.is_estimate


def test_a_frequent_word_that_comes_late_has_its_name_and_its_whole_count():
    early = [f"e{number}" for number in range(15)]
    late = [[f"r{block}-{number}" for number in range(30)] + ["late"] * 5 for block in range(9)]
    vocabulary, _ = counted(early, *late, named=10, late=20)
    assert vocabulary.top(1) == (("late", 45),)
    assert vocabulary.types == 15 + 9 * 30 + 1


def test_of_endless_different_words_the_number_is_estimated(monkeypatch):
    small = partial(HashedCounts, pending=1000)
    monkeypatch.setattr("textgen_core.corpus.analysis.vocabulary.HashedCounts", small)
    blocks = [[f"w{block}-{number}" for number in range(500)] + ["x"] for block in range(40)]
    vocabulary, _ = counted(*blocks, named=100, numbered=2000)
    assert vocabulary.is_estimate
    assert vocabulary.types == pytest.approx(20_001, rel=0.1)
    assert vocabulary.hapaxes == pytest.approx(20_000, rel=0.1)
    assert vocabulary.top(1) == (("x", 40),)


def test_of_equally_frequent_words_the_first_to_occur_comes_first():
    vocabulary, _ = counted(["z", "y", "x", "x"])
    assert vocabulary.top(2) == (("x", 2), ("z", 1))


def test_very_long_words_are_told_apart_and_shortened_in_lists():
    one, other = "a" * 100_000 + "b", "a" * 100_000 + "c"
    vocabulary, _ = counted([one, other, one])
    assert vocabulary.types == 2
    assert [count for _, count in vocabulary.top(5)] == [2, 1]
    assert all(len(word) == SHOWN for word, _ in vocabulary.top(5))
    assert max(map(len, vocabulary.names)) < 250
