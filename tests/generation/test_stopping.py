from __future__ import annotations

import itertools

import pytest

from textgen_core.generation.sample import StopStrings


def test_without_stop_strings_everything_passes_at_once():
    stop = StopStrings([])
    assert stop.push("one") == "one"
    assert stop.finish() == ""


def test_text_before_the_stop_string_passes_and_nothing_else():
    stop = StopStrings(["END"])
    assert stop.push("before END after") == "before "
    assert stop.found
    assert stop.push("more") == ""
    assert stop.finish() == ""


def test_a_stop_string_is_found_across_pieces():
    stop = StopStrings(["\n\n"])
    assert stop.push("a\n") == "a"
    assert stop.push("\nb") == ""
    assert stop.found


def test_what_only_began_like_a_stop_string_is_shown_in_the_end():
    stop = StopStrings(["aab"])
    assert stop.push("xaa") == "x"
    assert stop.push("a") == "a"
    assert stop.finish() == "aa"
    assert not stop.found


def test_the_earliest_of_several_stop_strings_counts():
    stop = StopStrings(["late", "early"])
    assert stop.push("an early and a late one") == "an "


@pytest.mark.parametrize("text", ["abcabdabc", "ababab", "aaab", "xyz", "ab", "bcab"])
def test_pieces_of_any_size_show_the_same(text):
    words = ["abd", "bab", "aab"]
    expected = text[: min([text.find(word) % (len(text) + 1) for word in words])]
    for cuts in itertools.product([0, 1], repeat=len(text) - 1):
        borders = [0, *(place for place, cut in enumerate(cuts, 1) if cut), len(text)]
        stop = StopStrings(words)
        shown = "".join(stop.push(text[a:b]) for a, b in itertools.pairwise(borders))
        assert shown + stop.finish() == expected
