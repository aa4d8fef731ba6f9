"""A long text cleaned in pieces is the text cleaned whole, wherever its pieces end."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.cleaning import recut
from textgen_core.corpus.cleaning.clean import clean_pieces, steps_of
from textgen_core.corpus.cleaning.recut import cut_pieces, place_to_cut
from textgen_core.corpus.documents import Piece

EVERYTHING = CorpusSettings(
    unicode="NFKC", spaces="collapse", letter_case="lower", punctuation="drop"
)
SPACES = st.text(alphabet=" \t\n\r", min_size=1, max_size=6)
# Shorter than the pieces below, so that there is always a space to cut at.
WORD = st.text(alphabet="aZ1.Σ\xa0é\u0301\x07\ud800漢カ\u3099ﬁ¨.,", max_size=5)
UGLY = st.lists(st.tuples(WORD, SPACES), max_size=12).map(
    lambda pairs: "".join(word + space for word, space in pairs)
)


def in_pieces(text: str, size: int) -> list[Piece]:
    """Return one document of `text` in pieces of `size` characters."""
    starts = range(0, max(len(text), 1), size)
    return [Piece(text[at : at + size], at == starts[-1]) for at in starts]


def cleaned(text: str, settings: CorpusSettings, size: int) -> tuple[str, Counter[str]]:
    changes: Counter[str] = Counter()
    steps = [step for group in steps_of(settings) for step in group]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recut, "PIECE", size)
        found = list(clean_pieces(in_pieces(text, size), steps, changes))
    assert [piece.ends_document for piece in found].count(True) == 1
    assert found[-1].ends_document
    return "".join(piece.text for piece in found), changes


@given(
    text=UGLY, size=st.integers(12, 20), settings=st.sampled_from([EVERYTHING, CorpusSettings()])
)
def test_cleaning_in_pieces_is_cleaning_at_once(text, size, settings):
    whole: Counter[str] = Counter()
    steps = [step for group in steps_of(settings) for step in group]
    (expected,) = clean_pieces([Piece(text, True)], steps, whole)
    text_of_pieces, changes = cleaned(text, settings, size)
    assert text_of_pieces == expected.text
    lines = {step.sentence for step in steps if step.counted == "line"}
    for sentence in set(whole) | set(changes):
        if sentence in lines:  # a line of several pieces counts once for each
            assert (changes[sentence] > 0) == (whole[sentence] > 0)
        else:
            assert changes[sentence] == whole[sentence]


@given(text=st.text(alphabet="ab1", max_size=40), size=st.integers(1, 9))
def test_a_text_without_spaces_is_cut_between_letters(text, size):
    assert cleaned(text.upper(), EVERYTHING, size)[0] == text


@given(text=UGLY, size=st.integers(1, 12))
def test_pieces_joined_are_the_text(text, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recut, "PIECE", size)
        found = list(cut_pieces([*in_pieces(text, 3), *in_pieces("next", 3)]))
    documents = "".join(piece.text + "\0" * piece.ends_document for piece in found)
    assert documents == text + "\0next\0"
    assert not any(
        piece.text.endswith("\r") and after.text.startswith("\n")
        for piece, after in itertools.pairwise(found)
        if not piece.ends_document
    )


@pytest.mark.parametrize("text", [" ", "a", "é", "\u0301", "\n", "\r", "\r\n", "漢", "\ud800", "Σ"])
def test_a_million_of_anything_is_held_in_pieces_only(monkeypatch, text):
    monkeypatch.setattr(recut, "PIECE", 1000)
    found = list(cut_pieces(in_pieces(text * 10_000, 700)))
    assert "".join(piece.text for piece in found) == text * 10_000
    assert max(len(piece.text) for piece in found) <= 1700


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("one two\nthree four", 7),
        ("one two  \n\n three", 7),
        ("one two three", 7),
        ("\none two", 4),
        ("    \n    x", 8),
        ("   \r\n  ", 6),
        (" abc", 3),
        ("éae", 2),
        ("漢字漢", 2),
        ("aé\u0301\u0301", 1),
        ("x", 0),
    ],
)
def test_the_best_place_is_the_end_of_a_line_then_a_space_then_between_letters(text, cut):
    assert place_to_cut(text) == cut
