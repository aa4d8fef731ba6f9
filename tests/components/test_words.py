"""Words and marks of any script."""

from __future__ import annotations

import pytest
from evaluation.languages import TEXTS

from textgen_core.components import Evidence
from textgen_core.components.words import main_script, split_words, word_spans

SCRIPTS = {
    "en": "Latin", "de": "Latin", "hi": "Devanagari", "zh": "Han", "ja": "Hiragana", "th": "Thai",
    "ko": "Hangul", "ar": "Arabic",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("She isn't 3.5 m tall ---- yet!!", "She isn ' t 3 . 5 m tall ---- yet !!"),
        ("naïve cafe\u0301", "naïve cafe\u0301"),
        ("उसने पूछा, क्यों?", "उसने पूछा , क्यों ?"),
        ("کتاب\u200cها را دید", "کتاب\u200cها را دید"),
        ("他说Python很快。", "他 说 Python 很 快 。"),
        ("私はコーヒーを飲みました。", "私 は コーヒー を 飲 みました 。"),
        ("เขาเดินไปที่แม่น้ำ", "เขา เดิน ไป ที่ แม่ น้ำ"),
        ("나는 학교에 갔다.", "나는 학교에 갔다 ."),
        ("བོད་ཡིག", "བོད ཡིག"),
        (" \n", ""),
    ],
)
def test_a_text_falls_into_the_words_and_marks_of_its_script(text, words):
    assert split_words(text) == words.split()
    assert [text[start:stop] for start, stop in word_spans(text)] == words.split()


def test_no_letter_of_a_text_is_lost():
    for language, text in TEXTS.items():
        assert "".join(split_words(text)) == "".join(text.split()), language


def test_a_run_of_letters_too_long_for_a_word_is_cut_so_that_its_loops_show():
    assert split_words("Donaudampfschifffahrtsgesellschaft") == [
        "Donaudampfschifffahrtsgesellschaft"
    ]
    for run in ("the" * 100, "あ" * 300, "ฮา" * 100, "ハハア" * 100):
        words = split_words(run)
        assert "".join(words) == run
        assert len(words) > 40
        assert len(set(words)) <= 4, run
    assert split_words("-" * 300) == ["-" * 300]


def test_the_script_of_a_text_is_that_of_most_letters():
    assert {language: main_script([text]) for language, text in TEXTS.items()} == SCRIPTS
    assert main_script(["コーヒー"]) == "Hiragana"
    assert main_script(["123", ""]) == ""


def test_evidence_is_in_the_script_of_the_references_or_else_of_the_training_text():
    def script(references, training_text):
        return Evidence(
            samples=["x"],
            prompts=["x"],
            references=references,
            training_text=training_text,
            token_losses=None,
            token_ids=None,
            tokenizer=None,
            score=None,
        ).script

    assert script([TEXTS["th"]], [TEXTS["en"]]) == "Thai"
    assert script([], [TEXTS["ko"]]) == "Hangul"
    assert script([], []) == ""
