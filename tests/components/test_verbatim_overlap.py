"""Copied stretches against a search that looks everywhere."""

from __future__ import annotations

import random
import time

import pytest

from textgen_core.components import verbatim_overlap as copying
from textgen_core.components.verbatim_overlap import find_copies, measure_longest_copies


def documents_as_pieces(documents):
    return [(document, True) for document in documents]


def slow_copies(text, documents, at_least):
    """All stretches of at least so many characters that no longer one contains."""
    found = [
        (start, stop)
        for start in range(len(text))
        for stop in range(start + max(1, at_least), len(text) + 1)
        if any(text[start:stop] in document for document in documents)
    ]
    return [
        span
        for span in found
        if not any(o != span and o[0] <= span[0] and span[1] <= o[1] for o in found)
    ]


def draw_texts(seed, alphabet="abc ", count=4, most=40):
    draw = random.Random(seed)
    return ["".join(draw.choices(alphabet, k=draw.randrange(most))) for _ in range(count)]


@pytest.mark.parametrize("at_least", [0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(8))
def test_copies_are_those_that_a_search_everywhere_finds(seed, at_least):
    texts, documents = draw_texts(seed), draw_texts(100 + seed, most=120)
    expected = [slow_copies(text, documents, at_least) for text in texts]
    assert find_copies(texts, documents_as_pieces(documents), at_least) == expected


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("first", "block"), [(1, 1), (7, 13), (1000, 1000)])
def test_the_longest_copies_are_found_however_the_text_is_cut(seed, first, block, monkeypatch):
    monkeypatch.setattr(copying, "_FIRST_BLOCK", first)
    monkeypatch.setattr(copying, "_BLOCK", block)
    texts, documents = draw_texts(seed), draw_texts(100 + seed, count=9, most=120)
    draw = random.Random(seed)
    pieces = []
    for document in documents:
        start = 0
        while start < len(document) - 3:
            stop = start + draw.randrange(1, 30)
            pieces.append((document[start:stop], False))
            start = stop
        pieces.append((document[start:], True))
    assert "".join(text for text, _ in pieces) == "".join(documents)
    expected = [
        max((stop - start for start, stop in slow_copies(text, documents, 1)), default=0)
        for text in texts
    ]
    assert measure_longest_copies(texts, pieces) == expected
    spans = [slow_copies(text, documents, 4) for text in texts]
    assert find_copies(texts, pieces, 4) == spans


def test_no_copy_reaches_from_one_document_into_the_next_nor_from_one_text_into_another():
    documents = ["one two", "three"]
    assert find_copies(["two" + "three"], documents_as_pieces(documents), 3) == [[(0, 3), (3, 8)]]
    assert find_copies(["one ", "two"], [("one two", True)], 3) == [[(0, 4)], [(0, 3)]]


@pytest.mark.parametrize(
    "text", ["\U0001f600 ab\U0001f600 ab", "\ud800xy", "e\u0301e\u0301", "\x00\x00"]
)
def test_characters_of_any_kind_are_copied_like_any_other(text):
    assert find_copies([text], [("zz" + text + "zz", True)], len(text)) == [[(0, len(text))]]


@pytest.mark.parametrize(
    ("texts", "pieces"), [([], [("abc", True)]), ([""], [("abc", True)]), (["abc"], []), ([], [])]
)
def test_nothing_to_look_for_or_in_gives_nothing(texts, pieces):
    assert find_copies(texts, pieces, 1) == [[] for _ in texts]
    assert measure_longest_copies(texts, pieces) == [0 for _ in texts]


def test_a_megabyte_is_searched_in_little_time_and_a_copy_in_its_middle_is_found():
    draw = random.Random(1)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randrange(2, 9))) for _ in range(3000)]
    training = " ".join(draw.choices(words, k=200_000))
    assert len(training) > 1_000_000
    texts = [" ".join(draw.choices(words, k=30)) for _ in range(100)]
    texts[7] = training[600_000:600_150]
    began = time.process_time()
    longest = measure_longest_copies(texts, [(training, True)])
    seconds = time.process_time() - began
    assert longest[7] == 150
    assert max(longest[:7]) < 40
    assert all(text[:1] and size for text, size in zip(texts, longest, strict=True))
    assert seconds < 3
