from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.analysis.blocks import Block, iterate_blocks
from textgen_core.corpus.analysis.vocabulary import VocabularyCounter
from textgen_core.corpus.analysis.words import (
    WordSampler,
    ratio_per_slice,
    ratios_in_slices,
    sample_for_ngrams,
    split_words,
    top_ngrams,
)
from textgen_core.corpus.text import word_pattern


def read_words(documents, *, block=1 << 18, most=12_000_000, named=400_000):
    vocabulary, sampler = VocabularyCounter(named=named), WordSampler(most)
    for part in iterate_blocks(documents, size=block):
        found = split_words(part)
        sampler.add(found, vocabulary.add(found.words)[0])
    return sampler.finish(vocabulary.finish().names)


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


def test_a_block_falls_into_documents_or_paragraphs():
    block = Block(parts=("a b\n \nc\n", "d"), ends_document=False)
    documents = split_words(block, by_paragraph=False)
    assert (documents.words, documents.sizes) == (["a", "b", "c", "d"], [3, 1])
    assert not documents.ends_unit
    paragraphs = split_words(block, by_paragraph=True)
    assert paragraphs.units == ["a b", "c\n", "d"]
    assert (paragraphs.sizes, paragraphs.part_sizes) == ([2, 1, 1], [3, 1])
    assert paragraphs.ends_unit


def test_documents_end_with_a_border():
    words = read_words(["b a b", "a c"])
    assert words.names == ("", "b", "a", "c")
    assert words.ids.tolist() == [1, 2, 1, 0, 2, 3, 0]
    assert not words.is_sample


def test_words_of_a_document_in_several_blocks_have_no_border_between():
    words = read_words(["one\ntwo\nthree\n", "two\n"], block=4)
    assert words.ids.tolist() == [1, 2, 3, 0, 2, 0]


def test_of_very_many_words_blocks_are_kept_with_borders_between():
    words = read_words(["a b\n" * 100], block=4, most=10)
    assert words.is_sample
    assert np.count_nonzero(words.ids) <= 10
    assert top_ngrams(words, words.ids, 2, 5)[0][0] == "a b"
    assert len(top_ngrams(words, words.ids, 2, 5)) == 1


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


def test_words_without_a_name_are_in_no_ngram():
    words = read_words(["a b\nc d\na b\n"], block=4, named=2)
    assert words.names == ("", "a", "b")
    assert top_ngrams(words, words.ids, 2, 5) == (("a b", 2),)


def test_a_very_long_word_is_shortened_in_lists():
    words = read_words(["a" * 1000 + " b"])
    ((shown, count),) = top_ngrams(words, words.ids, 2, 1)
    assert (len(shown), count) == (62, 1)


def test_a_sample_for_ngrams_is_spread_over_the_text():
    ids = np.arange(1, 1001, dtype=np.int32)
    sample = sample_for_ngrams(ids, 100)
    assert np.count_nonzero(sample) == 100
    assert sample.max() == 1000
    assert sample[0] == 1
    assert np.all((np.diff(sample) == 1) | (sample[:-1] == 0) | (sample[1:] == 0))
    assert sample_for_ngrams(ids[:100], 100).tolist() == ids[:100].tolist()


def test_ratios_in_slices_are_types_over_tokens_of_each():
    assert ratios_in_slices(np.array([1, 1, 1, 1, 2, 3, 4, 5]), 2) == (0.25, 1.0)
    assert ratios_in_slices(np.array([1]), 2) == ()


def test_the_ratio_per_slice_is_the_mean_over_whole_slices():
    ids = np.array([1, 1, 1, 1, 2, 3, 4, 5, 9])
    assert ratio_per_slice(ids, 4) == pytest.approx(0.625)
    assert ratio_per_slice(ids, 10) is None
