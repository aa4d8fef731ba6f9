from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.analysis import blocks as blocks_module
from textgen_core.corpus.analysis.blocks import EvenSample, iterate_blocks


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(blocks_module, "BLOCK", 8)
    monkeypatch.setattr(blocks_module, "LONGEST", 24)
    monkeypatch.setattr(blocks_module, "MANY", 3)


def documents_of(blocks):
    documents, rest = [], ""
    for block in blocks:
        for part in block.parts:
            documents.append(rest + part)
            rest = ""
        if not block.ends_document:
            rest = documents.pop()
    assert rest == ""
    return documents


@given(st.lists(st.text(alphabet="ab \n\r", min_size=1, max_size=120), max_size=8))
def test_blocks_put_together_are_the_documents(documents):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "BLOCK", 8)
        patch.setattr(blocks_module, "LONGEST", 24)
        patch.setattr(blocks_module, "MANY", 3)
        assert documents_of(iterate_blocks(documents)) == documents


@given(st.text(alphabet="abc \n", min_size=1, max_size=300))
def test_no_word_of_a_block_is_cut_unless_it_is_longer_than_any_line_may_be(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "BLOCK", 8)
        patch.setattr(blocks_module, "LONGEST", 24)
        words = [word for block in iterate_blocks([text]) for word in block.text().split()]
    if max(map(len, text.split()), default=0) < 12:
        assert words == text.split()
    assert "".join(words) == "".join(text.split())


def test_a_block_ends_with_a_line(small):
    blocks = list(iterate_blocks(["one two\nthree four\nfive\nsix"]))
    assert [block.text() for block in blocks] == ["one two\n", "three four\n", "five\nsix"]
    assert [block.ends_document for block in blocks] == [False, False, True]


def test_small_documents_share_a_block_and_end_their_lines_in_it(small):
    (first, second) = iterate_blocks(["a", "b\n", "c", "d"])
    assert first.parts == ("a", "b\n", "c")
    assert first.lines() == "a\nb\nc\n"
    assert first.text() == "ab\nc"
    assert second.parts == ("d",)


def test_a_line_without_a_space_is_cut_and_a_return_stays_with_its_line_feed(small):
    blocks = list(iterate_blocks(["x" * 23 + "\r\n" + "y" * 60]))
    assert [block.text() for block in blocks[:2]] == ["x" * 23, "\r\n" + "y" * 22]
    assert max(len(block.text()) for block in blocks) <= 24


def test_a_sample_is_spread_evenly_and_bounded():
    sample: EvenSample[int] = EvenSample(10)
    for number in range(1000):
        sample.offer(number if sample.wants_next() else None, 1)
    assert 5 <= len(sample.items()) <= 10
    gaps = {b - a for a, b in zip(sample.items(), sample.items()[1:])}
    assert gaps == {sample.step}
    assert sample.items()[-1] > 850


def test_one_item_that_is_too_large_is_kept():
    sample: EvenSample[str] = EvenSample(10)
    sample.offer("a", 1000)
    assert sample.items() == ["a"]
