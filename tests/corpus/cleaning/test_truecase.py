"""Words that begin a sentence are written as elsewhere in the corpus, and no others."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus import documents as stored
from textgen_core.corpus.cleaning import recut
from textgen_core.corpus.cleaning.clean import clean_corpus
from textgen_core.corpus.cleaning.truecase import TRUECASED, learn_forms, truecase_pieces
from textgen_core.corpus.documents import Corpus, iterate_pieces

STORY = "The cat saw the dog. “London” is far. In London the cat sat. Is it far?\n\nCat in the dog."


def truecased(*documents: str) -> tuple[list[str], int]:
    changes: Counter[str] = Counter()
    pieces = truecase_pieces(iterate_pieces(documents), learn_forms(documents), changes)
    found = [""]
    for text, ends_document in pieces:
        found[-1] += text
        if ends_document:
            found.append("")
    return found[:-1], changes[TRUECASED]


def test_the_most_frequent_form_elsewhere_is_taken():
    assert truecased(STORY) == (
        [
            "the cat saw the dog. “London” is far. in London the cat sat. is it far?\n\n"
            "cat in the dog."
        ],
        4,
    )


def test_a_word_that_stands_only_at_starts_stays():
    assert truecased("Nobody came. Nobody left.") == (["Nobody came. Nobody left."], 0)


def test_capitals_inside_a_word_or_a_sentence_stay():
    text = "NASA the nasa. McDonald and mcdonald. So the The."
    assert truecased(text)[0] == [text]


def test_each_document_begins_a_sentence():
    assert truecased("say it", "It is", "It.")[0] == ["say it", "it is", "it."]


def test_an_equally_frequent_form_gives_way_to_small_letters():
    assert truecased("a May and may. May it")[0] == ["a May and may. may it"]


@given(
    text=st.lists(
        st.sampled_from(["The", "the", "Cat", "cat", ".", "!”", "\n\n", "…", "É", "é", "x-y"]),
        max_size=30,
    ).map(" ".join),
    size=st.integers(8, 20),
)
def test_in_pieces_it_is_the_same(text, size):
    expected = truecased(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recut, "PIECE", size)
        patch.setattr(stored, "PIECE", size)
        assert truecased(text) == expected


def test_where_forms_are_too_many_the_rarest_are_forgotten():
    assert set(learn_forms(["x the cat the cat the dog mouse house"], most=3)) == {"the", "cat"}


def test_it_is_a_setting_and_says_what_it_did():
    corpus = clean_corpus(Corpus(documents=(STORY,)), CorpusSettings(letter_case="truecase"))
    assert corpus.documents[0].startswith("the cat saw")
    assert corpus.notes == (
        "Letter case: 4 words at the start of a sentence written as elsewhere.",
    )
    again = clean_corpus(Corpus(documents=corpus.documents), CorpusSettings(letter_case="truecase"))
    assert again.documents == corpus.documents
    assert again.notes == ()


def test_sentences_are_known_before_their_punctuation_is_dropped():
    settings = CorpusSettings(letter_case="truecase", punctuation="drop")
    corpus = clean_corpus(Corpus(documents=(STORY,)), settings)
    assert corpus.documents[0].startswith("the cat saw the dog London is far in London")
