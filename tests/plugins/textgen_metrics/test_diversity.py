from __future__ import annotations

import math

import pytest
import sacrebleu

from textgen_metrics.diversity import DiversityMetric


@pytest.fixture
def diversity(measure):
    return lambda samples, **options: measure(DiversityMetric(**options), samples)


def test_distinct_n_counts_distinct_n_grams_of_all_samples_together(diversity):
    figures = diversity(["a b a b", "a b c"])
    assert figures["distinct_1"] == pytest.approx(3 / 7)  # a b c
    assert figures["distinct_2"] == pytest.approx(3 / 5)  # ab ba bc
    assert figures["distinct_3"] == pytest.approx(3 / 3)  # aba bab abc
    assert figures["distinct_4"] == pytest.approx(1 / 1)  # abab


def test_no_n_gram_crosses_from_one_sample_to_the_next(diversity):
    assert math.isnan(diversity(["a", "b"])["distinct_2"])


def test_the_type_token_ratio_is_the_mean_within_samples(diversity):
    assert diversity(["a b a b", "a b c"])["type_token_ratio"] == pytest.approx((2 / 4 + 3 / 3) / 2)


def test_samples_that_are_all_the_same_have_a_self_bleu_of_a_hundred(diversity):
    assert diversity(["one two three four five"] * 3)["self_bleu"] == pytest.approx(100)


def test_samples_that_share_no_word_have_a_self_bleu_of_zero(diversity):
    assert diversity(["a b c d e", "f g h i j"])["self_bleu"] == 0


def test_self_bleu_is_the_mean_of_each_sample_against_the_others(diversity):
    samples = ["a b c d e f", "a b c d x y", "a b z w e f"]
    expected = [
        sacrebleu.sentence_bleu(samples[one], [samples[two], samples[three]]).score
        for one, two, three in ((0, 1, 2), (1, 0, 2), (2, 0, 1))
    ]
    assert diversity(samples)["self_bleu"] == pytest.approx(sum(expected) / 3)


def test_self_bleu_looks_at_no_more_samples_than_allowed(diversity):
    samples = ["a b c d e", "a b c d e", "q r s t u"]
    assert diversity(samples, self_bleu_samples=2)["self_bleu"] == pytest.approx(100)
    assert diversity(samples)["self_bleu"] < 100


def test_punctuation_marks_are_words_of_their_own(diversity):
    assert diversity(["no, no!"])["distinct_1"] == pytest.approx(3 / 4)


def test_letter_case_counts_unless_told_otherwise(diversity):
    assert diversity(["A a"])["distinct_1"] == 1
    assert diversity(["A a"], lowercase=True)["distinct_1"] == pytest.approx(1 / 2)


def test_characters_are_counted_where_there_are_no_words(diversity):
    assert diversity(["猫 猫狗"], unit="character")["distinct_1"] == pytest.approx(2 / 3)


def test_one_sample_has_no_self_bleu(diversity):
    assert math.isnan(diversity(["a b c"])["self_bleu"])


@pytest.mark.parametrize("samples", [[], [""], ["", " \n"]])
def test_without_words_every_figure_is_undefined(diversity, samples):
    figures = diversity(samples)
    assert set(figures) == set(DiversityMetric.figures)
    assert all(math.isnan(figure) for figure in figures.values())


def test_an_empty_sample_does_not_count(diversity):
    assert diversity(["a b", ""])["type_token_ratio"] == 1
