"""Documents outside of memory are the documents that were given, whole and piece by piece."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus import documents as stored
from textgen_core.corpus import storage
from textgen_core.corpus.documents import DocumentWriter, iterate_pieces, store_documents
from textgen_core.errors import ConfigurationError

DOCUMENTS = st.lists(st.text(alphabet="ab é漢😀\n\ud800", max_size=30), max_size=8)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch, tmp_path):
    monkeypatch.setattr(stored, "PIECE", 7)
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))


def joined(documents):
    """Whole documents again, from their pieces."""
    found = [""]
    for text, ends_document in iterate_pieces(documents):
        found[-1] += text
        if ends_document:
            found.append("")
    return found[:-1]


@given(DOCUMENTS)
def test_stored_documents_are_those_that_were_given(documents):
    kept = store_documents(documents)
    assert kept == documents
    assert joined(kept) == joined(documents) == documents
    assert kept.characters == sum(map(len, documents))


@given(DOCUMENTS, st.data())
def test_a_part_is_cut_at_exact_characters(documents, data):
    text = "".join(documents)
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    part = store_documents(documents).part(start, stop)
    assert "".join(part) == "".join(joined(part)) == text[start:stop]
    assert part.characters == stop - start


def test_a_part_of_a_part_and_chosen_documents_are_views_too():
    kept = store_documents(["one", "zwei", "trois"])
    assert kept.part(1, 9) == ["ne", "zwei", "tr"]
    assert kept.part(1, 9).part(2, 7) == ["zwei", "t"]
    assert kept.chosen([2, 0]) == ["trois", "one"]
    assert kept[1:] == ["zwei", "trois"]


def test_a_large_text_lies_in_the_cache_without_a_name(monkeypatch, tmp_path):
    monkeypatch.setattr(storage, "IN_MEMORY", 20)
    writer = DocumentWriter()
    for _ in range(10):
        writer.add("some text", ends_document=False)
    writer.add("", ends_document=True)
    kept = writer.documents()
    assert kept == ["some text" * 10]
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_document_that_is_dropped_is_gone():
    writer = DocumentWriter()
    writer.add("a", ends_document=True)
    writer.add("b", ends_document=True)
    writer.drop_from(1)
    writer.add("c", ends_document=True)
    assert writer.documents() == ["a", "c"]


def test_a_cache_that_cannot_be_written_names_the_way_out(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(storage, "IN_MEMORY", 20)
    with pytest.raises(ConfigurationError, match="TEXTGEN_CACHE"):
        store_documents(["a" * 30])
