from __future__ import annotations

import pytest

from textgen_core.report import wording


@pytest.mark.parametrize(
    "show",
    [
        wording.show_count,
        wording.show_figure,
        wording.show_percent,
        wording.show_short,
        wording.show_size,
        wording.show_duration,
        wording.show_moment,
    ],
)
def test_what_is_missing_is_a_dash(show):
    assert show(None) == "–"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (3.0, "3"),
        (0.5234, "0.523"),
        (12.345, "12.35"),
        (1234.56, "1,234.6"),
        (0.00042, "0.00042"),
        (-1.5, "−1.500"),
        (1e30, "1e+30"),
    ],
)
def test_a_figure_has_the_digits_that_it_deserves(value: float, shown: str):
    assert wording.show_figure(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(950, "950"), (4_000, "4,000"), (12_000, "12k"), (1.25e6, "1.25M"), (0.0005, "0.0005")],
)
def test_an_axis_label_is_short(value: float, shown: str):
    assert wording.show_short(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (182, "3 min 2 s"), (7_260, "2 h 1 min")],
)
def test_a_time_has_two_units_at_most(seconds: float, shown: str):
    assert wording.show_duration(seconds) == shown


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 bytes"), (1_500, "1.5 kB"), (812_334, "812 kB"), (2.5e9, "2.5 GB")]
)
def test_a_size_has_its_unit(size: float, shown: str):
    assert wording.show_size(size) == shown


def test_control_characters_and_lone_surrogates_are_replaced_but_tabs_and_lines_are_not():
    assert wording.showable("a\x00b\x1b\ud800c\td\ne") == "a\ufffdb\ufffd\ufffdc\td\ne"


def test_a_cut_text_is_no_longer_than_asked_and_says_so():
    assert wording.cut("abcdef", 6) == "abcdef"
    assert wording.cut("abcdefg", 6) == "abcde…"


def test_wide_characters_take_the_room_of_two():
    assert wording.cut_to_width("日本語の文", 10) == "日本語の文"
    assert wording.cut_to_width("日本語の文章", 10) == "日本語の…"
    assert wording.cut_to_width("abcdefghijk", 10) == "abcdefghi…"
