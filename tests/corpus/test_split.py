from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.documents import Corpus, SourceFile
from textgen_core.corpus.split import split_borders, split_corpus
from textgen_core.errors import CorpusError


def split(documents, shares=(80.0, 10.0, 10.0), by="position", ready_made=None):
    chosen = CorpusSettings(split=shares, split_by=by)
    return split_corpus(Corpus(documents=tuple(documents)), chosen, ready_made)


def file(name: str, digest: str) -> SourceFile:
    return SourceFile(path=name, bytes=1, sha256=digest)


@given(st.integers(10, 2_000_000))
def test_ninety_percent_ends_where_nanogpt_ends_it(total):
    assert split_borders(total, (90.0, 10.0, 0.0)) == (int(total * 0.9), total)


def test_by_position_one_document_is_cut_exactly_and_no_test_split_is_left():
    text = "".join(chr(0x100 + place % 500) for place in range(1003))
    splits = split([text], (90.0, 10.0, 0.0))
    assert splits.train == (text[: int(1003 * 0.9)],)
    assert splits.validation == (text[int(1003 * 0.9) :],)
    assert splits.test == ()


@given(
    documents=st.lists(st.text(min_size=1, max_size=30), min_size=1).filter(
        lambda documents: sum(map(len, documents)) >= 10
    ),
    shares=st.sampled_from([(80.0, 10.0, 10.0), (90.0, 10.0, 0.0), (60.0, 0.0, 40.0)]),
)
def test_by_position_nothing_is_lost_doubled_or_moved(documents, shares):
    splits = split(documents, shares)
    parts = (*splits.train, *splits.validation, *splits.test)
    text = "".join(documents)
    assert "".join(parts) == text
    assert all(parts)
    first, second = split_borders(len(text), shares)
    assert "".join(splits.train) == text[:first]
    assert "".join(splits.validation) == text[first:second]


def test_by_position_a_document_that_crosses_a_border_is_cut_there():
    splits = split(["abcd", "efgh", "ij"], (50.0, 40.0, 10.0))
    assert splits.train == ("abcd", "e")
    assert splits.validation == ("fgh", "i")
    assert splits.test == ("j",)


def test_one_document_may_reach_into_all_three_splits():
    splits = split(["0123456789"])
    assert (splits.train, splits.validation, splits.test) == (("01234567",), ("8",), ("9",))


@given(st.lists(st.text(min_size=1, max_size=3), min_size=30, unique=True))
def test_by_documents_each_is_whole_in_one_split_in_order(documents):
    splits = split(documents, (60.0, 20.0, 20.0), by="documents")
    assert (*splits.train, *splits.validation, *splits.test) == tuple(documents)
    total = sum(map(len, documents))
    assert abs(sum(map(len, splits.train)) - 0.6 * total) <= 3
    assert abs(sum(map(len, splits.test)) - 0.2 * total) <= 3


def test_by_documents_equal_ones_are_shared_out_by_number():
    splits = split([f"document {place}" for place in range(10)], by="documents")
    assert list(map(len, (splits.train, splits.validation, splits.test))) == [8, 1, 1]


def test_by_documents_one_whose_middle_is_a_border_lies_after_it():
    splits = split("0123456789", by="documents")
    assert (splits.validation, splits.test) == (("8",), ("9",))


def test_shares_are_the_decimal_numbers_that_were_written():
    assert split_borders(100, (29.0, 29.0, 42.0)) == (29, 58)
    assert split_borders(1000, (33.3, 33.3, 33.4)) == (333, 666)
    assert split_borders(10, (33.3, 66.7, 0.0)) == (3, 10)


@pytest.mark.parametrize(
    ("documents", "by", "missing"),
    [
        (["abc"], "position", "validation"),
        (["a" * 100], "documents", "training"),
        (["a" * 80, "b" * 20], "documents", "test"),
    ],
)
def test_a_split_that_was_asked_for_and_gets_nothing_is_an_error(documents, by, missing):
    with pytest.raises(CorpusError, match=r"The split 80,10,10 .* leaves nothing for") as caught:
        split(documents, by=by)
    assert caught.value.advice
    assert caught.value.exit_code == 3


def test_a_split_that_was_not_asked_for_may_be_empty():
    assert split(["abc"], (100.0, 0.0, 0.0)).train == ("abc",)


def test_with_ready_made_splits_the_whole_corpus_is_for_training():
    held_out = (Corpus(documents=("v",)), Corpus(documents=("t", "u")))
    splits = split(["a", "b"], ready_made=held_out)
    assert splits.train == ("a", "b")
    assert splits.validation == ("v",)
    assert splits.test == ("t", "u")
    assert splits.notes == ()


@pytest.mark.parametrize("place", [0, 1])
def test_a_file_cannot_be_trained_on_and_held_out(place):
    corpus = Corpus(documents=("a",), files=(file("train.txt", "1"),))
    held_out = [
        Corpus(documents=("v",), files=(file("v.txt", "2"),)),
        Corpus(documents=("t",), files=(file("t.txt", "3"),)),
    ]
    held_out[place] = Corpus(documents=("a",), files=(file("copy.txt", "1"),))
    with pytest.raises(CorpusError, match=r"copy\.txt is both"):
        split_corpus(corpus, CorpusSettings(), (held_out[0], held_out[1]))


def test_one_file_for_validation_and_test_is_allowed_and_said():
    held_out = Corpus(documents=("v",), files=(file("v.txt", "2"),))
    splits = split(["a"], ready_made=(held_out, held_out))
    assert splits.notes == (
        "Validation and test are the same file: the test loss tells nothing more.",
    )


def test_each_copy_of_a_held_out_document_that_was_trained_on_is_counted():
    documents = [f"joke {place}\n" for place in range(8)] * 2 + ["joke 1\n"] * 2 + ["joke 9\n"] * 2
    assert split(documents, by="documents").notes == (
        "2 of 4 held-out documents also stand word for word in the training text.",
    )


def test_held_out_documents_that_were_trained_on_are_counted():
    documents = [f"joke {place}\n" for place in range(8)] + ["joke 1\n", "joke 9\n"]
    splits = split(documents, by="documents")
    assert splits.notes == (
        "1 of 2 held-out documents also stand word for word in the training text.",
    )
