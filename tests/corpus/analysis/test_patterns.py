from __future__ import annotations

import random

import pytest

from textgen_core.corpus.analysis.blocks import iterate_blocks
from textgen_core.corpus.analysis.patterns import CONTENTS, find_line_shapes, find_phrases, shape_of
from textgen_core.corpus.analysis.vocabulary import VocabularyCounter
from textgen_core.corpus.analysis.words import WordSampler, split_words


def phrases(*documents, most=20):
    vocabulary, sampler = VocabularyCounter(), WordSampler()
    for block in iterate_blocks(documents):
        found = split_words(block)
        sampler.add(found, vocabulary.add(found.words)[0])
    words = sampler.finish(vocabulary.finish().names)
    return find_phrases(words, words.ids, most)


def noise(draw, words):
    return " ".join(f"n{draw.randrange(10**6)}" for _ in range(words))


def test_a_phrase_is_as_long_as_all_its_occurrences_agree():
    draw = random.Random(0)
    header = "Copyright by the author of this book"
    text = " ".join(f"{noise(draw, 30)} {header}" for _ in range(7))
    assert phrases(text) == ((header, 7),)


def test_four_words_or_two_occurrences_are_no_pattern():
    draw = random.Random(0)
    text = " ".join(f"{noise(draw, 30)} only four words here" for _ in range(9))
    twice = " ".join(f"{noise(draw, 30)} one two three four five six" for _ in range(2))
    assert phrases(f"{text} {twice}") == ()


def test_a_part_that_is_much_more_frequent_than_the_whole_is_a_pattern_too():
    draw = random.Random(0)
    part, whole = "a b c d e", "x y a b c d e z w v"
    text = " ".join([f"{noise(draw, 9)} {part}" for _ in range(20)])
    text += " ".join([f" {noise(draw, 9)} {whole}" for _ in range(4)])
    assert dict(phrases(text)) == {part: 24, whole: 4}


def test_phrases_agree_with_all_sequences_counted_one_by_one():
    draw = random.Random(3)
    planted = [" ".join(f"p{kind}-{place}" for place in range(5 + 9 * kind)) for kind in range(8)]
    pieces = [phrase for kind, phrase in enumerate(planted) for _ in range(3 + kind)]
    draw.shuffle(pieces)
    text = " ".join(f"{piece} {noise(draw, 3)}" for piece in pieces)
    found = phrases(text)
    shown = {phrase.removesuffix(" …"): times for phrase, times in found}
    assert shown == {" ".join(phrase.split()[:12]): 3 + kind for kind, phrase in enumerate(planted)}


def test_no_phrase_reaches_across_documents():
    assert phrases(*["one two three four"] * 9) == ()


def test_a_text_that_repeats_itself_is_told_by_what_it_repeats():
    ((phrase, times),) = phrases("the same old line of words\n" * 1000)
    assert sorted(phrase.split()) == sorted(["the", "same", "old", "line", "of", "words"])
    assert 950 <= times <= 1000


@pytest.mark.parametrize("words", ["a", "a b", "one two three four five six seven"])
def test_a_text_of_nothing_but_repetition_has_few_phrases(words):
    """In time that grows with the length: otherwise this test would never end."""
    assert len(phrases(f"{words}\n" * (300_000 // len(words.split())))) < 10


def test_a_long_phrase_is_shown_by_its_beginning():
    draw = random.Random(0)
    long = " ".join(f"w{place}" for place in range(100))
    text = " ".join(f"{noise(draw, 5)} {long}" for _ in range(3))
    assert phrases(text) == ((" ".join(f"w{place}" for place in range(12)) + " …", 3),)


@pytest.mark.parametrize("text", ["", "one", "one two three four five"])
def test_hardly_any_text_has_no_pattern(text):
    assert phrases(text) == ()


def test_numbers_do_not_tell_shapes_apart():
    text = "Chapter 1\nfoo\nChapter 22\n  Chapter  3 \nPage 4 of 9\nPage 5 of 9\nno number\n"
    assert find_line_shapes([text * 3], 5) == (("Chapter #", 9), ("Page # of #", 6))


@pytest.mark.parametrize(
    "line",
    [
        "1. Introduction ........ 3",
        "The Whale . . . . . . . 117",
        "Preface.......xii",
        "Notes …… 12",
    ],
)
def test_lines_of_a_table_of_contents_are_one_shape(line):
    assert shape_of(line) == CONTENTS


@pytest.mark.parametrize("line", ["It cost ... 3", "x = 1..2", "and so on .... he said 5 times"])
def test_dots_alone_make_no_table_of_contents(line):
    assert shape_of(line) != CONTENTS


def test_shapes_are_bounded():
    texts = ["".join(f"{chr(97 + place % 26) * (place % 60 + 1)} 7\n" for place in range(900))]
    texts += ["Chapter 5\n" * 50] * 3
    assert find_line_shapes(texts, 1, remembered=100) == (("Chapter #", 150),)


def test_a_line_of_a_million_digits_has_no_shape_of_its_own():
    lines = ["1" * 1_000_000, "a1" * 500_000, "a" * 1_000_000]
    assert find_line_shapes(["\n".join(lines)], 5) == ()
