from __future__ import annotations

import hashlib
import sys

import pytest

from textgen_core.corpus.reading.builtin import BUILTIN_PATH, builtin_corpus, original_topics
from textgen_core.errors import CorpusError


def test_the_builtin_corpus_is_hundreds_of_kilobytes_of_python_documentation():
    corpus = builtin_corpus("file")
    (text,) = corpus.documents
    assert len(text) > 300_000
    assert "statement" in text
    assert "topics of Python's own documentation" in corpus.notes[0]


def test_its_source_tells_path_size_and_hash_of_the_text():
    corpus = builtin_corpus("file")
    data = corpus.documents[0].encode("utf-8")
    (source,) = corpus.files
    assert source.path == BUILTIN_PATH == "python:pydoc_data.topics"
    assert source.bytes == len(data)
    assert source.sha256 == hashlib.sha256(data).hexdigest()


def test_its_documents_may_be_blocks_between_blank_lines():
    blocks = builtin_corpus("blank-line").documents
    assert len(blocks) > 1000
    whole = builtin_corpus("file").documents[0]
    lines = [line for block in blocks for line in block.split("\n")]
    assert lines == [line for line in whole.split("\n") if line.strip()]


def test_a_topic_that_repeats_a_longer_one_is_left_out():
    topics = {
        "all": "One.\n\nTwo is longer.\n\nThree.\n",
        "two": "Two is\nlonger.\n",
        "new": "Four.\n",
    }
    assert original_topics(topics) == ["all", "new"]


def test_held_out_builtin_text_hardly_repeats_training_text():
    blocks = [" ".join(block.split()) for block in builtin_corpus("blank-line").documents]
    border = len(blocks) * 8 // 10
    trained = set(blocks[:border])
    held_out = blocks[border:]
    copied = sum(len(block) for block in held_out if block in trained)
    assert copied < 0.02 * sum(map(len, held_out))


def test_a_python_without_its_documentation_is_an_error_with_a_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(CorpusError, match="comes without"):
        builtin_corpus("file")
