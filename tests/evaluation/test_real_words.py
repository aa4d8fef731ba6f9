"""The share of a model's words that occur in its training text."""

from __future__ import annotations

import pytest

from textgen_core.evaluation.real_words import share_real_words

TEXT = ["harbour lantern\n", "window garden"]


def test_words_of_four_letters_that_the_text_has_are_real():
    sample = "cut harbour window of xyz blorp garden cut"
    assert share_real_words([f"lant {sample} wind"] * 6, TEXT) == pytest.approx(3 / 4)


def test_first_and_last_words_may_be_cut_off():
    assert share_real_words(["arbour window garden lanter"] * 10, TEXT) == 1


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        (["harbour window garden"], TEXT),  # too few words
        (["a of to 1234 ----"] * 100, TEXT),  # none so long
        (["你好世界"] * 100, TEXT),
        (["harbour window garden lantern"] * 20, []),  # no text at hand
    ],
)
def test_where_nothing_can_be_said_there_is_no_share(samples, text):
    assert share_real_words(samples, text) is None
