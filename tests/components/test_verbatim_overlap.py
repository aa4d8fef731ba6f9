"""Verbatim overlaps against a search that looks everywhere."""

from __future__ import annotations

import random

import pytest

from textgen_core.components import verbatim_overlap
from textgen_core.components.verbatim_overlap import find_verbatim_spans, measure_longest_verbatim


def as_chunks(documents):
    return [(document, True) for document in documents]


def slow_spans(text, documents, at_least):
    """All spans of at least so many characters that no longer one contains."""
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
def test_overlaps_are_those_that_a_search_everywhere_finds(seed, at_least):
    texts, documents = draw_texts(seed), draw_texts(100 + seed, most=120)
    expected = [slow_spans(text, documents, at_least) for text in texts]
    assert find_verbatim_spans(texts, as_chunks(documents), at_least) == expected


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("first", "block"), [(1, 1), (7, 13), (1000, 1000)])
def test_the_longest_overlaps_are_found_however_the_text_is_cut(seed, first, block, monkeypatch):
    monkeypatch.setattr(verbatim_overlap, "_FIRST_BLOCK", first)
    monkeypatch.setattr(verbatim_overlap, "_BLOCK", block)
    texts, documents = draw_texts(seed), draw_texts(100 + seed, count=9, most=120)
    draw = random.Random(seed)
    chunks = []
    for document in documents:
        start = 0
        while start < len(document) - 3:
            stop = start + draw.randrange(1, 30)
            chunks.append((document[start:stop], False))
            start = stop
        chunks.append((document[start:], True))
    assert "".join(text for text, _ in chunks) == "".join(documents)
    expected = [
        max((stop - start for start, stop in slow_spans(text, documents, 1)), default=0)
        for text in texts
    ]
    assert measure_longest_verbatim(texts, chunks) == expected
    spans = [slow_spans(text, documents, 4) for text in texts]
    assert find_verbatim_spans(texts, chunks, 4) == spans


def test_no_overlap_reaches_from_one_document_into_the_next_nor_from_one_text_into_another():
    documents = ["one two", "three"]
    assert find_verbatim_spans(["two" + "three"], as_chunks(documents), 3) == [[(0, 3), (3, 8)]]
    assert find_verbatim_spans(["one ", "two"], [("one two", True)], 3) == [[(0, 4)], [(0, 3)]]


@pytest.mark.parametrize(
    "text", ["\U0001f600 ab\U0001f600 ab", "\ud800xy", "e\u0301e\u0301", "\x00\x00"]
)
def test_characters_of_any_kind_are_found_like_any_other(text):
    assert find_verbatim_spans([text], [("zz" + text + "zz", True)], len(text)) == [
        [(0, len(text))]
    ]


@pytest.mark.parametrize(
    ("texts", "chunks"), [([], [("abc", True)]), ([""], [("abc", True)]), (["abc"], []), ([], [])]
)
def test_nothing_to_look_for_or_in_gives_nothing(texts, chunks):
    assert find_verbatim_spans(texts, chunks, 1) == [[] for _ in texts]
    assert measure_longest_verbatim(texts, chunks) == [0 for _ in texts]


def test_of_a_megabyte_little_is_fed_character_by_character_and_a_copy_in_its_middle_is_found(
    monkeypatch,
):
    draw = random.Random(1)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randrange(2, 9))) for _ in range(3000)]
    training = " ".join(draw.choices(words, k=200_000))
    assert len(training) > 1_000_000
    texts = [" ".join(draw.choices(words, k=30)) for _ in range(100)]
    texts[7] = training[600_000:600_150]
    fed = []
    feed = verbatim_overlap._Automaton.feed

    def counting(automaton, spans):
        spans = list(spans)
        fed.extend(map(len, spans))
        feed(automaton, spans)

    monkeypatch.setattr(verbatim_overlap._Automaton, "feed", counting)
    chunks = [
        (training[start : start + 10_000], False) for start in range(0, len(training), 10_000)
    ]
    longest = measure_longest_verbatim(texts, chunks)
    assert longest[7] == 150
    assert max(longest[:7]) < 40
    assert all(text[:1] and size for text, size in zip(texts, longest, strict=True))
    assert sum(fed) < len(training) / 5
