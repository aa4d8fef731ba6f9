from __future__ import annotations

import pytest

from textgen_core.corpus import documents as stored
from textgen_core.corpus.documents import store_documents
from textgen_core.evaluation.training_text import TrainingText


@pytest.mark.parametrize("keep", [list, store_documents])
def test_pieces_end_at_spaces_and_joined_are_the_documents(keep, monkeypatch):
    monkeypatch.setattr(stored, "PIECE", 10)
    documents = ["one two three four five six", "", "x" * 35, "a\nb"]
    text = TrainingText(keep(documents))
    joined = [""]
    for piece, ends_document in text.pieces():
        assert ends_document or piece[-1] == " " or " " not in piece
        joined[-1] += piece
        if ends_document:
            joined.append("")
    assert joined[:-1] == documents
    assert "".join(text) == "".join(text) == "".join(documents)


def test_no_text_has_no_pieces():
    assert list(TrainingText([])) == []
