from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus import words as words_module
from textgen_core.corpus.words import (
    pieces_of,
    ratio_per_slice,
    ratios_in_slices,
    read_words,
    sample_for_ngrams,
    top_ngrams,
    word_pattern,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop-me now!", ["Don't", "stop-me", "now"]),
        ("'quoted' -dash- a--b", ["quoted", "dash", "a", "b"]),
        ("<unk> N 42 snake_case", ["unk", "N", "42", "snake_case"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("e\u0301te\u0301 Привет", ["e\u0301te\u0301", "Привет"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("中文。字", ["中文", "字"]),
        ("😀 … 𐍈", ["𐍈"]),
    ],
)
def test_words_are_runs_of_letters_in_any_script(text, words):
    assert word_pattern().findall(text) == words


@given(st.text(alphabet=st.characters(max_codepoint=0xFFFF)))
def test_every_letter_and_digit_belongs_to_a_word(text):
    inside = "".join(word_pattern().findall(text))
    assert [c for c in text if c.isalnum()] == [c for c in inside if c.isalnum()]


@given(st.text(alphabet="ab \n", max_size=80), st.integers(1, 10))
def test_pieces_joined_are_the_text_and_cut_no_word(text, size):
    pieces = list(pieces_of(text, re.compile(r"\s"), size))
    assert "".join(pieces) == text
    assert [word for piece in pieces for word in piece.split()] == text.split()


def test_ids_follow_first_occurrence_and_documents_end_with_a_border():
    words = read_words(["b a b", "a c"])
    assert words.vocabulary == ("", "b", "a", "c")
    assert words.ids.tolist() == [1, 2, 1, 0, 2, 3, 0]


def test_ngrams_are_counted_within_documents_only():
    words = read_words(["a b a b", "a b", "b"])
    assert top_ngrams(words, words.ids, 1, 5) == (("b", 4), ("a", 3))
    assert top_ngrams(words, words.ids, 2, 5) == (("a b", 3), ("b a", 1))
    assert top_ngrams(words, words.ids, 3, 5) == (("a b a", 1), ("b a b", 1))


@given(st.lists(st.sampled_from("abcde"), max_size=60))
def test_ngrams_agree_with_counting_them_one_by_one(letters):
    words = read_words([" ".join(letters)])
    for order in (1, 2, 3):
        counted: dict[str, int] = {}
        for start in range(len(letters) - order + 1):
            key = " ".join(letters[start : start + order])
            counted[key] = counted.get(key, 0) + 1
        assert dict(top_ngrams(words, words.ids, order, 1000)) == counted


def test_of_equally_frequent_words_the_first_to_occur_comes_first():
    words = read_words(["z y x x"])
    assert [word for word, _ in top_ngrams(words, words.ids, 1, 2)] == ["x", "z"]


def test_a_very_long_word_is_shortened_in_lists():
    words = read_words(["a" * 1000])
    ((word, count),) = top_ngrams(words, words.ids, 1, 1)
    assert len(word) == words_module.SHOWN
    assert count == 1


def test_a_sample_for_ngrams_is_spread_over_the_text(monkeypatch):
    monkeypatch.setattr(words_module, "NGRAM_WORDS", 100)
    ids = np.arange(1, 1001, dtype=np.int32)
    sample = sample_for_ngrams(ids)
    assert np.count_nonzero(sample) == 100
    assert sample.max() == 1000
    assert sample[0] == 1
    assert np.all((np.diff(sample) == 1) | (sample[:-1] == 0) | (sample[1:] == 0))
    assert sample_for_ngrams(ids[:100]).tolist() == ids[:100].tolist()


def test_ratios_in_slices_are_types_over_tokens_of_each():
    assert ratios_in_slices(np.array([1, 1, 1, 1, 2, 3, 4, 5]), 2) == (0.25, 1.0)
    assert ratios_in_slices(np.array([1]), 2) == ()


def test_the_ratio_per_slice_is_the_mean_over_whole_slices():
    ids = np.array([1, 1, 1, 1, 2, 3, 4, 5, 9])
    assert ratio_per_slice(ids, 4) == pytest.approx(0.625)
    assert ratio_per_slice(ids, 10) is None
