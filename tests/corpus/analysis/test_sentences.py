from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.analysis.lengths import iterate_sentences, measure_sentences


def test_sentences_end_at_punctuation_and_blank_lines_not_at_line_ends():
    text = 'One two\nthree. "Four five!" Six?\n\nA title\n\nSeven 3.5 eight...\n'
    lengths, rule = measure_sentences([text], "en")
    assert rule == "punctuation"
    assert lengths.count == 5
    assert lengths.mean == pytest.approx((3 + 2 + 1 + 2 + 4) / 5)


@pytest.mark.parametrize(
    ("language", "text", "count"),
    [
        ("en", "Mr. Smith met Dr. Jones, e.g. at noon. They spoke.", 2),
        ("de", "Das ist z. B. richtig, Hr. Meier. Es gilt ca. 5 Tage.", 2),
        ("zh", "一。二！三？", 3),
        ("ja", "今日は晴れ。明日は雨。", 2),
        ("hi", "यह एक वाक्य है। यह दूसरा है।", 2),
        ("ar", "هل هذا سؤال؟ نعم هو.", 2),
        ("ru", "Это г. Москва. Он приехал.", 2),
        ("xx", "One. Two.", 2),
    ],
)
def test_abbreviations_and_marks_are_those_of_the_language(language, text, count):
    assert measure_sentences([text], language)[0].count == count


def test_in_text_without_punctuation_lines_are_sentences():
    lengths, rule = measure_sentences(["one two three\n" * 100], "en")
    assert rule == "line"
    assert lengths.count == 100
    assert lengths.mean == 3


@given(st.text(alphabet="ab.! \n'\"«»。(", max_size=400))
def test_sentences_joined_are_the_text_but_for_blank_lines_and_runs_of_a_mark(text):
    joined = "".join(iterate_sentences(text, "en"))
    assert [c for c in joined if c.isalnum()] == [c for c in text if c.isalnum()]


def test_a_long_paragraph_has_the_sentences_that_it_has_in_one_piece():
    text = "This is Mr. Brown's sentence, and there are more of them. " * 1000
    assert measure_sentences([text], "en")[0].count == 1000


def test_lone_surrogates_and_control_characters_are_no_trouble():
    lengths, _ = measure_sentences(["Some \ud800 text. More\x00text.\r\nThe end."], "en")
    assert lengths.count == 3


@pytest.mark.parametrize("repeated", ["'", "«", '"', "« ", "'a", "('", "。", "。「", "\n", "! "])
def test_sentences_of_a_million_of_anything_are_measured(repeated):
    """In time that grows with the length: otherwise this test would never end."""
    lengths, _ = measure_sentences([repeated * (1_000_000 // len(repeated))], "en")
    assert lengths.maximum == ("a" in repeated)  # signs have no words, `'a'a` has one
