from __future__ import annotations

import math

import pytest
from evaluation.languages import LOOPS, TEXTS

from textgen_metrics.repetition import RepetitionMetric


@pytest.fixture
def repetition(measure):
    return lambda samples, **options: measure(RepetitionMetric(**options), samples)


def test_rep_n_is_the_share_of_n_grams_written_before(repetition):
    figures = repetition(["a b a b a"])
    assert figures["rep_1"] == pytest.approx(1 - 2 / 5)
    assert figures["rep_2"] == pytest.approx(1 - 2 / 4)  # ab ba ab ba
    assert figures["rep_3"] == pytest.approx(1 - 2 / 3)  # aba bab aba
    assert figures["rep_4"] == pytest.approx(0)  # abab baba


def test_rep_n_is_the_mean_over_samples_and_not_over_their_n_grams(repetition):
    figures = repetition(["a a a a a", "a b"])
    assert figures["rep_1"] == pytest.approx((4 / 5 + 0) / 2)


def test_a_sample_too_short_for_an_order_is_left_out(repetition):
    assert repetition(["a a a a a", "b"])["rep_4"] == pytest.approx(1 / 2)


def test_the_same_words_in_two_samples_are_no_repetition(repetition):
    assert repetition(["a b c d", "a b c d"])["rep_1"] == 0


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("a b c d e", 0),
        ("a a", 2),
        ("x a a a a y", 4),
        ("a b a b", 4),
        ("a b a b a", 5),
        ("a b a", 0),
        ("x the cat sat the cat sat the cat y", 8),
        ("a b c a b c a b d", 8),
        ("a a x b b b", 3),
    ],
)
def test_the_longest_loop_counts_the_words_of_a_phrase_said_again_at_once(repetition, text, length):
    assert repetition([text])["longest_loop"] == length


def test_the_longest_loop_is_that_of_any_sample(repetition):
    assert repetition(["a b", "c c c", "d d"])["longest_loop"] == 3


def test_a_phrase_longer_than_allowed_makes_no_loop(repetition):
    assert repetition(["a b c a b c"], longest_phrase=2)["longest_loop"] == 0
    assert repetition(["a b c a b c"], longest_phrase=3)["longest_loop"] == 6


def test_characters_are_counted_where_there_are_no_words(repetition):
    assert repetition(["哈哈哈"], unit="character")["longest_loop"] == 3


def test_a_line_of_one_mark_is_one_word_and_no_loop(repetition):
    assert repetition(["title\n-----\nand so on... and"])["longest_loop"] == 0
    assert repetition(["- - -"])["longest_loop"] == 3


def test_letter_case_counts_unless_told_otherwise(repetition):
    assert repetition(["A a"])["rep_1"] == 0
    assert repetition(["A a"], lowercase=True)["rep_1"] == pytest.approx(1 / 2)


def test_without_samples_every_figure_is_undefined(repetition):
    figures = repetition([])
    assert set(figures) == set(RepetitionMetric.figures)
    assert all(math.isnan(figure) for figure in figures.values())


def test_an_empty_sample_has_no_loop_and_no_shares(repetition):
    figures = repetition([""])
    assert figures["longest_loop"] == 0
    assert math.isnan(figures["rep_1"])


def test_a_loop_has_a_rep_4_near_one_and_ordinary_text_near_nothing_in_any_language(repetition):
    for language, phrase in LOOPS.items():
        assert repetition([TEXTS[language]])["rep_4"] < 0.05, language
        figures = repetition([phrase * 40])
        assert figures["rep_4"] > 0.9, language
        assert figures["longest_loop"] > 75, language


def test_the_signature_says_what_the_units_of_the_text_are(evidence_of):
    def sign(language, **options):
        return RepetitionMetric(**options).signature(evidence_of([TEXTS[language]]))

    assert sign("en") == "unit:word|script:Latin|case:mixed"
    assert sign("hi") == "unit:word|script:Devanagari|case:mixed"
    assert sign("zh") == "unit:character|script:Han|case:mixed"
    assert sign("ja") == "unit:character-or-kana-run|script:Hiragana|case:mixed"
    assert sign("th") == "unit:syllable|script:Thai|case:mixed"
    assert sign("th", unit="character", lowercase=True) == "unit:character|script:Thai|case:lc"
    assert RepetitionMetric().signature() == "unit:word|script:any|case:mixed"
