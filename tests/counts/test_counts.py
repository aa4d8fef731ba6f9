"""The n-gram model against a slow one, written from the paper with dictionaries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from counts.slow_kneser_ney import VOCABULARY, SlowKneserNey, draw_tokens

from textgen_core.counts import counting, dense, distributions
from textgen_core.counts import counts as counts_module
from textgen_core.counts.counting import count
from textgen_core.counts.smoothing import find_discounts


def count_text(tokens, order, vocabulary=VOCABULARY):
    return count(np.array(tokens, np.uint16), vocabulary, order)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("length", [3, 40, 400])
def test_losses_agree_with_the_slow_recursion_on_seen_and_unseen_text(order, length):
    training = draw_tokens(length, end_share=0.05)
    counts = count_text(training, order)
    assert counts.order == min(order, length)
    slow = SlowKneserNey(training, VOCABULARY, counts.order)
    for held_out in (training[:50], draw_tokens(60, seed=9), [2, *range(VOCABULARY)]):
        expected = [
            -math.log(slow.probability(token, held_out[:place]))
            for place, token in enumerate(held_out)
            if place and token != 2  # which is never predicted
        ]
        losses = counts.losses(np.array(held_out, np.uint16))
        kept = [place - 1 for place, token in enumerate(held_out) if place and token != 2]
        np.testing.assert_allclose(losses[kept], expected, rtol=1e-5)


@pytest.mark.parametrize("most", [0, 100, 1 << 18])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_distributions_agree_with_the_slow_recursion_after_any_context(order, most, monkeypatch):
    monkeypatch.setattr(dense, "MOST_DENSE", most)
    training = draw_tokens(300, end_share=0.05)
    counts, slow = count_text(training, order), SlowKneserNey(training, VOCABULARY, order)
    text = [*training[:20], *draw_tokens(20, seed=3), *range(VOCABULARY), *training[:9]]
    found = np.exp(counts.log_probabilities(counts.contexts(np.array([text]))))[0]
    assert found.dtype == np.float32
    expected = [slow.distribution(text[: place + 1]) for place in range(len(text))]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_before_anything_was_read_only_the_empty_context_is_known():
    training = draw_tokens(300)
    counts, slow = count_text(training, 4), SlowKneserNey(training, VOCABULARY, 4)
    fresh = counts.fresh(2)
    assert fresh.tolist() == [[0, -1, -1, -1]] * 2
    np.testing.assert_allclose(
        np.exp(counts.log_probabilities(fresh)), [slow.distribution([])] * 2, rtol=1e-5
    )


def test_a_row_begins_with_no_context_and_sees_nothing_that_comes_later():
    counts = count_text(draw_tokens(500), 4)
    text = np.array([draw_tokens(40, seed=1), draw_tokens(40, seed=2)])
    contexts = counts.contexts(text)
    assert (contexts[:, 0, 2:] == -1).all()
    later = text.copy()
    later[:, 25:] = 5
    np.testing.assert_array_equal(counts.contexts(later)[:, :25], contexts[:, :25])
    for row in range(2):
        np.testing.assert_array_equal(counts.contexts(text[row : row + 1, 7:])[0, 3:],
                                      contexts[row, 10:])  # fmt: skip


def test_following_token_by_token_gives_the_contexts_of_a_whole_text():
    counts = count_text(draw_tokens(500, end_share=0.05), 5)
    text = np.array([draw_tokens(60, seed=seed, end_share=0.1) for seed in range(3)])
    text[1, 20] = 2  # the start of a document, as a model reads it
    whole, contexts = counts.contexts(text), counts.fresh(3)
    for place in range(text.shape[1]):
        before = contexts.copy()
        followed = counts.follow(contexts, text[:, place].astype(np.int32))
        np.testing.assert_array_equal(followed, whole[:, place])
        np.testing.assert_array_equal(contexts, before)
        contexts = followed


def test_the_start_of_a_document_is_read_as_the_end_of_the_one_before():
    counts = count_text([2, 6, 3, *[4, 5, 3] * 50, 4, 5], 3, vocabulary=8)
    starts, ends = counts.contexts(np.array([[2]])), counts.contexts(np.array([[3]]))
    np.testing.assert_array_equal(starts, ends)
    assert np.exp(counts.log_probabilities(starts))[0, 0, 4] > 0.5


@pytest.mark.parametrize("vocabulary", [VOCABULARY, 300])
def test_a_row_has_the_same_bits_in_any_company(vocabulary):
    counts = count_text(draw_tokens(3000, vocabulary=vocabulary), 5, vocabulary)
    contexts = counts.contexts(np.array([draw_tokens(60, seed=5, vocabulary=vocabulary)]))[0]
    together = counts.log_probabilities(contexts)
    for size in (1, 3, distributions._FEW, distributions._FEW + 1):
        for first in (0, 13, 60 - size):
            rows = slice(first, first + size)
            alone = counts.log_probabilities(contexts[rows])
            np.testing.assert_array_equal(alone, together[rows])


def test_many_rows_are_computed_in_parts_that_give_the_same_bits(monkeypatch):
    counts = count_text(draw_tokens(3000), 4)
    contexts = counts.contexts(np.array([draw_tokens(300, seed=5)]))
    whole = counts.log_probabilities(contexts)
    monkeypatch.setattr(distributions, "_AT_ONCE", 11 * VOCABULARY)
    np.testing.assert_array_equal(counts.log_probabilities(contexts), whole)


@pytest.mark.parametrize("most", [0, 99, 100, 1000, 1 << 18])
def test_no_more_distributions_are_kept_whole_than_there_is_room_for(most, monkeypatch):
    monkeypatch.setattr(dense, "MOST_DENSE", most)
    trie = count_text(draw_tokens(800), 4).trie
    whole = len(dense.build_dense(trie, VOCABULARY).probabilities)
    contexts = 1 + sum(len(level.tokens) for level in trie.levels[:-1])
    assert whole == min(contexts, max(1, most // VOCABULARY))


def test_a_vocabulary_of_more_than_sixteen_bits_is_counted_alike():
    training = draw_tokens(400)
    small = count_text(training, 4)
    spread = np.array([token * 20_000 if token > 3 else token for token in training], np.uint32)
    large = count(spread, 200_000, 4)
    text = [2, *training[:30]]
    wide = np.array([[token * 20_000 if token > 3 else token for token in text]])
    contexts = small.contexts(np.array([text]))
    np.testing.assert_array_equal(large.contexts(wide), contexts)
    assert large.log_probabilities(contexts[:, -1]).shape == (1, 200_000)
    assert np.exp(large.log_probabilities(contexts[:, -1]), dtype=float).sum() == pytest.approx(1)


def test_keys_that_do_not_fit_beside_their_places_are_ranked_alike():
    keys = np.random.default_rng(0).integers(0, 50, (3, 40))
    expected, places = np.unique(keys, return_inverse=True)
    for shift in (0, 1 << 62):
        found, ranks = counting._ranked(keys + shift)
        np.testing.assert_array_equal(found, expected + shift)
        np.testing.assert_array_equal(ranks, places)


def test_a_long_text_is_scored_in_parts_that_know_what_came_before(monkeypatch):
    counts = count_text(draw_tokens(500), 6)
    held_out = np.array(draw_tokens(100, seed=4))
    whole = counts.losses(held_out)
    monkeypatch.setattr(counts_module, "_SCORED_AT_ONCE", 7)
    np.testing.assert_array_equal(counts.losses(held_out), whole)


def test_the_order_grows_no_further_than_memory_allows(monkeypatch):
    tokens = draw_tokens(2000)
    read = [3, *tokens[1:]]
    different = [len(set(zip(*(read[i:] for i in range(n)), strict=False))) for n in (1, 2, 3)]
    monkeypatch.setattr(counting, "MOST_NGRAMS", sum(different) + 1)
    counts = count_text(tokens, 6)
    assert (counts.order, counts.ngrams) == (3, sum(different))
    slow = SlowKneserNey(tokens, VOCABULARY, 3)
    held_out = draw_tokens(30, seed=2)
    expected = -math.log(slow.probability(held_out[-1], held_out[:-1]))
    assert counts.losses(np.array(held_out))[-1] == pytest.approx(expected, rel=1e-5)


def test_counting_again_gives_the_same_bits():
    first, second = (count_text(draw_tokens(900), 5).trie for _ in range(2))
    for one, other in zip(first.levels, second.levels, strict=True):
        for kind in ("tokens", "starts", "discounted", "left"):
            np.testing.assert_array_equal(getattr(one, kind), getattr(other, kind))


def test_spans_of_a_long_text_are_counted_each_for_itself(monkeypatch):
    monkeypatch.setattr(counting, "MOST_COUNTED", 64)
    counts = count_text([2, *[4] * 500, *[5] * 500], 2)
    context = counts.contexts(np.array([[4]]))
    assert np.exp(counts.log_probabilities(context))[0, 0, 5] < 0.1  # no span has both


def test_a_longer_order_predicts_a_text_with_memory_better():
    training, held_out = draw_tokens(4000), np.array(draw_tokens(500, seed=5))
    means = [count_text(training, order).losses(held_out).mean() for order in (1, 3)]
    assert means[1] < 0.8 * means[0]


@pytest.mark.parametrize("tokens", [[], [2], [2, 4], [2, 4, 4, 4]])
def test_hardly_any_text_gives_probabilities_all_the_same(tokens):
    counts = count_text(tokens, 6)
    losses = counts.losses(np.array([2, 4, 5, 6]))
    assert losses.shape == (3,)
    assert np.isfinite(losses).all()
    assert counts.losses(np.array([2])).shape == (0,)
    contexts = counts.contexts(np.array([[2, 4, 4]]))
    assert contexts.shape == (1, 3, counts.order)
    np.testing.assert_allclose(np.exp(counts.log_probabilities(contexts)).sum(-1), 1, rtol=1e-5)


@pytest.mark.filterwarnings("error")
def test_what_is_new_after_a_frequent_context_of_a_regular_text_keeps_a_probability():
    # Counts of counts that leave the formula nothing to take from a count of two.
    assert (find_discounts(np.repeat([1, 2, 3], [4, 1, 8]))[1:] > 0).all()
    words = [[4, 5, 6, 7], [8, 9, 10, 11], [4, 9, 6, 11]]
    tokens = [2, *(token for number in range(60) for token in words[number % 3]), 12, 13, 14, 15]
    new = [2, *(token for word in words for token in (*word[:2], 19))]
    assert np.isfinite(count_text(tokens, 6, vocabulary=20).losses(np.array(new))).all()
