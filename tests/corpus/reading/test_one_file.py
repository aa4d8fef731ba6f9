from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.reading import one_file
from textgen_core.corpus.reading.one_file import split_documents as split_pieces
from textgen_core.corpus.text import is_blank


def split_documents(text, borders, size=1 << 20):
    """Whole documents of a text that comes in pieces of some size."""
    texts = (text[start : start + size] for start in range(0, len(text), size))
    found = [""]
    for piece, ends_document in split_pieces(texts, borders):
        found[-1] += piece
        if ends_document:
            found.append("")
    assert found.pop() == ""
    return found


UGLY = st.text(alphabet="ab \t\n\r\x0b\xa0", max_size=60)


@given(text=UGLY)
def test_a_file_as_one_document_is_its_text(text):
    assert split_documents(text, "file") == [text]


@given(text=UGLY.filter(lambda text: not is_blank(text)))
def test_documents_hold_all_of_a_text_but_the_line_ends_between_them(text):
    lines = [line for line in re.split(r"\r\n?|\n", text) if not is_blank(line)]
    assert split_documents(text, "record") == lines
    blocks = split_documents(text, "blank-line")
    held = [line for block in blocks for line in re.split(r"\r\n?|\n", block)]
    assert held == lines
    assert not any(block[-1] in "\r\n" or block[0] in "\r\n" for block in blocks)


@given(text=UGLY.filter(lambda text: not is_blank(text)))
def test_no_document_of_a_text_is_blank(text):
    for borders in ("file", "blank-line", "record"):
        assert not any(is_blank(document) for document in split_documents(text, borders))


@given(text=UGLY, borders=st.sampled_from(["file", "blank-line", "record"]), size=st.integers(1, 9))
def test_documents_end_in_the_same_places_however_the_text_comes(text, borders, size):
    assert split_documents(text, borders, size) == split_documents(text, borders)


@given(text=UGLY.filter(lambda text: not is_blank(text)), size=st.integers(1, 9))
def test_more_space_than_is_held_back_is_neither_lost_nor_a_document(text, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_file, "HELD_SPACE", 2)
        for borders in ("blank-line", "record"):
            documents = split_documents(text, borders, size)
            joined = "".join(documents)
            assert [each for each in joined if each in "ab"] == [
                each for each in text if each in "ab"
            ]
            assert len(documents) == len(split_documents(text, borders))
            assert not any(is_blank(document) for document in documents)


def test_a_million_blank_lines_part_documents_and_are_not_held(monkeypatch):
    monkeypatch.setattr(one_file, "HELD_SPACE", 100)
    documents = split_documents("a" + "\r\n" * 1000 + "  b", "blank-line", 7)
    assert documents == ["a", "  b"]


def test_a_file_is_one_document():
    assert list(split_documents("a\n\nb\n", "file")) == ["a\n\nb\n"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_blank_line_parts_documents_whatever_the_newline(newline):
    text = f"a{newline}b{newline} \t{newline}c{newline}"
    assert list(split_documents(text, "blank-line")) == [
        f"a{newline}b",
        "c",
    ]


def test_a_crlf_is_no_blank_line():
    assert list(split_documents("a\r\nb\r\nc", "blank-line")) == ["a\r\nb\r\nc"]


def test_every_line_with_text_is_a_record():
    assert split_documents("\n one\ntwo \n\n\nthree\n", "record") == [" one", "two ", "three"]
