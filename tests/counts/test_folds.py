"""What a network is trained beside: at each position, counts that have not seen it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from counts.slow_kneser_ney import VOCABULARY, SlowKneserNey, draw_tokens

from textgen_core.counts import counting
from textgen_core.counts.counting import count
from textgen_core.counts.spans import choose_spans


def fold_places(length, folds):
    edges = [number * length // folds for number in range(folds + 1)]
    return [range(first, last) for first, last in itertools.pairwise(edges)]


@pytest.mark.parametrize("dense", [0, 400, 1 << 22])
@pytest.mark.parametrize(("order", "folds"), [(1, 3), (2, 5), (4, 3), (6, 8)])
def test_each_fold_has_the_counts_of_a_text_without_the_ngrams_that_end_in_it(
    order, folds, dense, monkeypatch
):
    monkeypatch.setattr(counting, "MOST_DENSE_HELD_OUT", dense)
    tokens = draw_tokens(230, end_share=0.03)
    held_out = count(np.array(tokens), VOCABULARY, order, folds=folds).held_out
    parts = fold_places(len(tokens), folds)
    slow = [SlowKneserNey(tokens, VOCABULARY, order, left_out=part) for part in parts]
    starts = np.array([0, 11, 100, 229 - 30])  # some windows are of two folds
    positions = starts[:, np.newaxis] + np.arange(1, 31)
    inputs = np.array(tokens)[positions - 1]
    found = np.exp(held_out.log_probabilities(inputs, positions))
    assert found.dtype == np.float32
    for row, places in enumerate(positions.tolist()):
        for column, place in enumerate(places):
            (fold,) = (number for number, part in enumerate(parts) if place in part)
            expected = slow[fold].distribution(inputs[row, : column + 1])
            np.testing.assert_allclose(found[row, column], expected, rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-5)


def test_a_token_that_occurs_in_one_fold_alone_is_not_expected_there():
    tokens = np.array([2, *[4, 5] * 100, 6, *[4, 5] * 100])
    held_out = count(tokens, 8, 3).held_out
    whole = count(tokens, 8, 3).counts
    inputs, positions = tokens[np.newaxis, 196:201], np.arange(197, 202)[np.newaxis]
    at = np.exp(held_out.log_probabilities(inputs, positions))[0, -1, 6]
    assert tokens[201] == 6
    assert at < 0.2 * np.exp(whole.log_probabilities(whole.contexts(inputs)))[0, -1, 6]


def test_what_was_read_before_the_targets_is_context_and_nothing_else_changes():
    tokens = np.array(draw_tokens(400))
    held_out = count(tokens, VOCABULARY, 4).held_out
    positions = np.arange(101, 121)[np.newaxis]
    alone = held_out.log_probabilities(tokens[np.newaxis, 100:120], positions)
    after = held_out.log_probabilities(tokens[np.newaxis, 90:120], positions)
    np.testing.assert_array_equal(alone[:, 3:], after[:, 3:])
    assert (alone[:, 0] != after[:, 0]).any()


def test_no_row_depends_on_the_others_nor_on_later_tokens():
    tokens = np.array(draw_tokens(800))
    held_out = count(tokens, VOCABULARY, 5).held_out
    positions = np.array([3, 300, 700])[:, np.newaxis] + np.arange(1, 41)
    inputs = tokens[positions - 1]
    together = held_out.log_probabilities(inputs, positions)
    changed = inputs.copy()
    changed[:, 20:] = 7
    np.testing.assert_array_equal(
        held_out.log_probabilities(changed, positions)[:, :20], together[:, :20]
    )
    for row in range(3):
        alone = held_out.log_probabilities(inputs[row : row + 1], positions[row : row + 1])
        np.testing.assert_array_equal(alone[0], together[row])


def test_counting_again_gives_the_same_bits():
    tokens = np.array(draw_tokens(900))
    first, second = (count(tokens, VOCABULARY, 5).held_out.tables for _ in range(2))
    for one, other in zip(first.discounted + first.left, second.discounted + second.left,
                          strict=True):  # fmt: skip
        np.testing.assert_array_equal(one, other)


def test_positions_that_were_not_counted_have_the_whole_tables(monkeypatch):
    monkeypatch.setattr(counting, "MOST_COUNTED", 160)
    tokens = np.array(draw_tokens(1000))
    counted = count(tokens, VOCABULARY, 3, folds=4)
    spans = choose_spans(1000, 160)
    assert [len(spans.starts), spans.length] == [16, 10]
    folds = spans.folds_of(np.arange(1000), 4)
    assert np.bincount(folds).tolist() == [40, 40, 40, 40, 840]
    assert (np.diff(folds[folds < 4]) >= 0).all()
    inside, outside = int(spans.starts[5]) + 3, int(spans.starts[5]) + 20
    positions = np.array([[inside], [outside], [-1]])
    inputs = np.array([[7], [7], [7]])
    found = counted.held_out.log_probabilities(inputs, positions)
    whole = counted.counts.log_probabilities(counted.counts.contexts(inputs))
    np.testing.assert_allclose(found[1:], whole[1:], rtol=1e-6)
    assert (found[0] != whole[0]).any()


def test_spans_are_counted_each_for_itself(monkeypatch):
    monkeypatch.setattr(counting, "MOST_COUNTED", 64)
    tokens = np.array([2, *[4] * 500, *[5] * 500])
    counts = count(tokens, 8, 2, folds=0).counts
    context = counts.contexts(np.array([[4]]))
    assert np.exp(counts.log_probabilities(context))[0, 0, 5] < 0.1  # no span has both


@pytest.mark.parametrize("tokens", [[2], [2, 4], [2, 4, 4, 4]])
def test_a_text_of_fewer_tokens_than_folds_is_held_out_too(tokens):
    held_out = count(np.array(tokens), VOCABULARY, 6).held_out
    inputs, positions = np.array([tokens]), np.arange(1, len(tokens) + 1)[np.newaxis]
    found = np.exp(held_out.log_probabilities(inputs, positions))
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-5)
