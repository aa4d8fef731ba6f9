from __future__ import annotations

import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.analysis.blocks import iterate_blocks
from textgen_core.corpus.analysis.lengths import LineCounter, describe_lengths


def measure_lines(documents, *, different=2_000_000, **sizes):
    counter = LineCounter(different)
    for block in iterate_blocks(documents, **sizes):
        counter.add(block)
    return counter.finish()


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
    assert not lines.is_estimate


def test_a_text_without_lines_with_text_repeats_nothing():
    assert measure_lines(["\n\n"]).repeated == 0


@given(st.lists(st.text(alphabet="ab \n", min_size=1, max_size=200), max_size=4))
def test_figures_do_not_depend_on_where_blocks_are_cut(documents):
    assert measure_lines(documents, size=4, longest=10) == measure_lines(documents)


def test_lines_of_mac_files_are_lines():
    lines = measure_lines(["ab\rcd\rab\r"])
    assert (lines.lengths.count, lines.lengths.maximum) == (3, 2)
    assert lines.repeated == pytest.approx(1 / 3)


def test_repetition_among_very_many_lines_is_estimated_without_bias():
    lines = [f"line {number}\n" for number in range(20_000)]
    documents = ["".join(lines), "".join(lines), "".join(lines[:10_000])]
    lines = measure_lines(documents, different=1000)
    assert lines.is_estimate
    assert lines.repeated == pytest.approx(0.6, abs=0.02)
    assert lines.lengths.count == 50_000
