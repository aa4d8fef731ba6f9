"""The n-gram baseline against a slow one, written from the paper with dictionaries."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from textgen_core.evaluation import kneser_ney
from textgen_core.evaluation.kneser_ney import KneserNey

VOCABULARY = 7


def draw_tokens(count, seed=0, vocabulary=VOCABULARY):
    """A first token 2, then tokens of which each leans on the two before it."""
    random = np.random.default_rng(seed)
    tokens = [2, 4]
    while len(tokens) < count:
        leaning = (3 * tokens[-1] + tokens[-2]) % (vocabulary - 4) + 4
        tokens.append(int(leaning if random.random() < 0.6 else random.integers(4, vocabulary)))
    return tokens[:count]


class SlowKneserNey:
    """Interpolated modified Kneser-Ney by recursion (Chen and Goodman 1999, section 3)."""

    def __init__(self, tokens, vocabulary, order):
        self.vocabulary, self.order = vocabulary, order
        raw = {
            n: Counter(
                tuple(tokens[i : i + n]) for i in range(1 if n == 1 else 0, len(tokens) - n + 1)
            )
            for n in range(1, order + 2)
        }
        self.counts = {order: raw[order]}
        for n in range(1, order):
            before = defaultdict(set)
            for first, *rest in raw[n + 1]:
                before[tuple(rest)].add(first)
            self.counts[n] = {ngram: len(before[ngram]) for ngram in before}
        self.discounts = {n: self.discounts_of(self.counts[n]) for n in self.counts}

    @staticmethod
    def discounts_of(counts):
        n = [sum(1 for count in counts.values() if count == k) for k in range(5)]
        if not (n[1] and n[2] and n[3]):
            return [0, 0.5, 1.0, 1.5]
        y = n[1] / (n[1] + 2 * n[2])
        found = [0] + [k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3)]
        fallback = [0, 0.5, 1.0, 1.5]  # of a count that the formula would leave whole
        return [min(v, k) if v > 0 else fallback[k] for k, v in enumerate(found)]

    def probability(self, token, context):
        context = tuple(context)[max(0, len(context) - self.order + 1) :]
        n = len(context) + 1
        shorter = self.probability(token, context[1:]) if n > 1 else 1 / self.vocabulary
        following = {g[-1]: c for g, c in self.counts[n].items() if g[:-1] == context}
        total = sum(following.values())
        if not total:
            return shorter
        discounts = self.discounts[n]
        left = sum(discounts[min(c, 3)] for c in following.values()) / total
        count = following.get(token, 0)
        return max(count - discounts[min(count, 3)], 0) / total + left * shorter


def count_ngrams(tokens, **limits):
    """A model under other limits than the module's own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in limits.items():
            patch.setattr(kneser_ney, name, limit)
        return KneserNey(tokens, VOCABULARY)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [3, 40, 400])
def test_it_agrees_with_the_slow_recursion_on_seen_and_unseen_text(order, count):
    training = draw_tokens(count)
    model = count_ngrams(np.array(training, np.uint16), MOST_ORDER=order)
    slow = SlowKneserNey(training, VOCABULARY, model.order)
    for held_out in (training[:50], draw_tokens(60, seed=9), [2, *range(VOCABULARY)]):
        expected = [
            -math.log(slow.probability(token, held_out[:place]))
            for place, token in enumerate(held_out)
            if place
        ]
        losses = model.losses(np.array(held_out, np.uint16))
        np.testing.assert_allclose(losses, expected, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_probabilities_of_all_tokens_sum_to_one_after_any_context(order):
    model = count_ngrams(np.array(draw_tokens(300)), MOST_ORDER=order)
    assert model.order == order
    for context in itertools.product(range(VOCABULARY), repeat=min(3, order)):
        texts = [np.array([*context, token]) for token in range(VOCABULARY)]
        total = sum(math.exp(-model.losses(text)[-1]) for text in texts)
        assert total == pytest.approx(1)


def test_a_long_text_is_scored_in_parts_that_know_what_came_before(monkeypatch):
    model = KneserNey(np.array(draw_tokens(500)), VOCABULARY)
    held_out = np.array(draw_tokens(100, seed=4))
    whole = model.losses(held_out)
    monkeypatch.setattr(kneser_ney, "_SCORED_AT_ONCE", 7)
    np.testing.assert_array_equal(model.losses(held_out), whole)


def test_the_order_grows_no_further_than_memory_allows():
    tokens = np.array(draw_tokens(2000))
    different = [len(set(zip(*(tokens[i:] for i in range(n)), strict=False))) for n in (1, 2, 3, 4)]
    model = count_ngrams(tokens, MOST_NGRAMS=sum(different[:3]) + 1)
    assert model.order == 3
    slow = SlowKneserNey(tokens.tolist(), VOCABULARY, 3)
    held_out = draw_tokens(30, seed=2)
    expected = -math.log(slow.probability(held_out[-1], held_out[:-1]))
    assert model.losses(np.array(held_out))[-1] == pytest.approx(expected)


def test_a_longer_order_predicts_a_text_with_memory_better():
    training, held_out = np.array(draw_tokens(4000)), np.array(draw_tokens(500, seed=5))
    means = [count_ngrams(training, MOST_ORDER=n).losses(held_out).mean() for n in (1, 3)]
    assert means[1] < 0.8 * means[0]


@pytest.mark.parametrize("tokens", [[2], [2, 4], [2, 4, 4, 4]])
def test_hardly_any_text_gives_probabilities_all_the_same(tokens):
    model = KneserNey(np.array(tokens), VOCABULARY)
    losses = model.losses(np.array([2, 4, 5, 6]))
    assert losses.shape == (3,)
    assert np.isfinite(losses).all()
    assert model.losses(np.array([2])).shape == (0,)


@pytest.mark.filterwarnings("error")
def test_what_is_new_after_a_frequent_context_of_a_regular_text_keeps_a_probability():
    # Counts of counts that leave the formula nothing to take from a count of two.
    counts = np.repeat([1, 2, 3], [4, 1, 8])
    assert (kneser_ney._discounts(counts)[1:] > 0).all()
    words = [[4, 5, 6, 7], [8, 9, 10, 11], [4, 9, 6, 11]]
    tokens = [2, *(token for number in range(60) for token in words[number % 3]), 12, 13, 14, 15]
    model = KneserNey(np.array(tokens), 20)
    new = [2, *(token for word in words for token in (*word[:2], 19))]
    assert np.isfinite(model.losses(np.array(new))).all()
