from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.analysis.blocks import EvenSample, iterate_blocks

small_blocks = partial(iterate_blocks, size=8, longest=24, most_documents=3)


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
    assert documents_of(small_blocks(documents)) == documents


@given(st.text(alphabet="abc \n", min_size=1, max_size=300))
def test_no_word_of_a_block_is_cut_unless_it_is_longer_than_any_line_may_be(text):
    words = [word for block in small_blocks([text]) for word in block.text().split()]
    if max(map(len, text.split()), default=0) < 12:
        assert words == text.split()
    assert "".join(words) == "".join(text.split())


def test_a_block_ends_with_a_line():
    blocks = list(small_blocks(["one two\nthree four\nfive\nsix"]))
    assert [block.text() for block in blocks] == ["one two\n", "three four\n", "five\nsix"]
    assert [block.ends_document for block in blocks] == [False, False, True]


def test_small_documents_share_a_block_and_end_their_lines_in_it():
    (first, second) = small_blocks(["a", "b\n", "c", "d"])
    assert first.parts == ("a", "b\n", "c")
    assert first.lines() == "a\nb\nc\n"
    assert first.text() == "ab\nc"
    assert second.parts == ("d",)


def test_a_line_without_a_space_is_cut_and_a_return_stays_with_its_line_feed():
    blocks = list(small_blocks(["x" * 23 + "\r\n" + "y" * 60]))
    assert [block.text() for block in blocks[:2]] == ["x" * 23, "\r\n" + "y" * 22]
    assert max(len(block.text()) for block in blocks) <= 24


def test_a_sample_is_spread_evenly_and_bounded():
    sample: EvenSample[int] = EvenSample(10)
    for number in range(1000):
        sample.offer(1, partial(int, number))
    assert 5 <= len(sample.items()) <= 10
    gaps = {b - a for a, b in zip(sample.items(), sample.items()[1:])}
    assert gaps == {sample.step}
    assert sample.items()[-1] > 850


def test_one_item_that_is_too_large_is_kept():
    sample: EvenSample[str] = EvenSample(10)
    sample.offer(1000, lambda: "a")
    assert sample.items() == ["a"]
