from __future__ import annotations

import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus import lengths as lengths_module
from textgen_core.corpus.lengths import describe_lengths, measure_lines, measure_sentences


@given(st.lists(st.integers(0, 5000), min_size=1))
def test_figures_agree_with_the_lengths_and_bins_hold_them_all(values):
    figures = describe_lengths(Counter(values))
    assert figures.mean == pytest.approx(statistics.mean(values))
    assert figures.median == statistics.median(values)
    assert figures.maximum == max(values)
    assert figures.count == sum(figures.counts) == len(values)
    assert len(figures.edges) == len(figures.counts) + 1
    assert list(figures.edges) == sorted(set(figures.edges))
    for low, high, count in zip(figures.edges, figures.edges[1:], figures.counts):
        assert count == sum(low <= value < high for value in values)


def test_no_lengths_are_no_histogram():
    assert describe_lengths(Counter()).counts == ()


def test_an_outlier_does_not_flatten_the_histogram():
    figures = describe_lengths(Counter(dict.fromkeys(range(100), 100) | {1_000_000: 1}))
    assert sum(count > 0 for count in figures.counts) >= 15
    assert figures.edges[-1] == 1_000_001


def test_lines_are_counted_without_their_ends():
    lines = measure_lines(["ab\r\ncdef\n", "\ng"])
    assert lines.lengths.count == 4
    assert lines.lengths.maximum == 4
    assert lines.lengths.mean == pytest.approx(7 / 4)


def test_repeated_lines_are_shares_of_lines_with_text():
    lines = measure_lines(["abc\n\nabc\n", "  abc\nxyz\n\n"])
    assert lines.repeated == pytest.approx(2 / 4)
    assert lines.repeated_characters == pytest.approx(6 / 12)


def test_a_text_without_lines_with_text_repeats_nothing():
    assert measure_lines(["\n\n"]).repeated == 0


def test_sentences_end_at_punctuation_and_blank_lines_not_at_line_ends():
    text = 'One two\nthree. "Four five!" Six?\n\nA title\n\nSeven 3.5 eight...\n'
    sentences = measure_sentences([text])
    assert sentences.rule == "punctuation"
    assert sentences.lengths.count == 5
    assert sentences.lengths.mean == pytest.approx((3 + 2 + 1 + 2 + 4) / 5)


def test_chinese_sentences_need_no_spaces():
    assert measure_sentences(["一。二！三？"]).lengths.count == 3


def test_in_text_without_punctuation_lines_are_sentences():
    sentences = measure_sentences(["one two three\n" * 100])
    assert sentences.rule == "line"
    assert sentences.lengths.count == 100
    assert sentences.lengths.mean == 3


def test_sentences_of_long_text_are_sampled_over_its_length(monkeypatch):
    monkeypatch.setattr(lengths_module, "SENTENCE_CHARACTERS", 1000)
    documents = ["one two. " * 10] * 50 + ["one two three four. " * 5] * 50
    sentences = measure_sentences(documents)
    assert sentences.is_sample
    assert 0 < sentences.lengths.count < 750
    assert 2 < sentences.lengths.mean < 4
