from __future__ import annotations

import pytest
from evaluation.languages import LOOPS, TEXTS

from textgen_core.evaluation.loops import find_loops, share_repeated


def test_the_longest_loop_of_a_sample_is_found_with_its_phrase():
    quiet = "The miller sees a bee near every tree, and the sun goes down behind the hill."
    caught = "So he said: " + "I am the king. " * 5 + "And went."
    loops = find_loops([quiet, caught])
    assert [(loop.sample, loop.times) for loop in loops] == [(1, 5)]
    assert loops[0].text.split() == ["I", "am", "the", "king."]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No, no, no! he cried.",
        "I will go home now. I will go home now.",  # twice is a refrain
        "----------------------------------",
        "one two three four five six seven eight nine ten",
    ],
)
def test_what_people_write_is_no_loop(text):
    assert find_loops([text]) == []


def test_a_text_without_spaces_is_counted_by_characters():
    (loop,) = find_loops(["春眠不覚暁処処聞啼鳥" + "夜来風雨声" * 4])
    assert (loop.text, loop.times) == ("夜来風雨声", 4)


def test_one_word_over_and_over_is_a_loop_and_the_largest_come_first():
    loops = find_loops(["the " * 9, "a long phrase of words " * 6], most=1)
    assert [(loop.sample, loop.times) for loop in loops] == [(1, 6)]
    assert find_loops(["the " * 9])[0].text == "the"


def test_repeated_four_grams_are_counted_in_the_span_that_their_last_word_begins_in():
    spans = ["one two three four ", "five one two three ", "four five six seven"]
    # five four-grams in the text's first eight words, none new only from "one two three four" on
    assert share_repeated(spans) == [0.0, 0.0, pytest.approx(2 / 4)]


def test_a_span_too_short_for_a_four_gram_has_no_share():
    assert share_repeated(["one two", " three four", ""]) == [None, 0.0, None]
    assert share_repeated([]) == []


def test_white_space_alone_is_a_loop_too():
    assert find_loops([" " * 40])[0].times == 40
    assert find_loops(["\n"]) == []


def test_a_loop_is_found_in_any_language_and_nothing_in_its_ordinary_text():
    for language, phrase in LOOPS.items():
        (loop,) = find_loops([TEXTS[language], f"{TEXTS[language]} -- {phrase * 20}"])
        assert loop.times in (19, 20), (language, loop)
        assert loop.text in phrase * 2, (language, loop)


def test_a_loop_is_what_was_said_before_in_any_language():
    for language, phrase in LOOPS.items():
        fresh, again = share_repeated([TEXTS[language], phrase * 40])
        assert fresh < 0.05, language
        assert again > 0.9, language
