from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus import documents as stored
from textgen_core.corpus.cleaning import recut
from textgen_core.corpus.cleaning.clean import clean_corpus, clean_text
from textgen_core.corpus.documents import Corpus
from textgen_core.errors import CorpusError

NOTHING = {"newlines": "keep", "control_characters": "keep"}
EVERYTHING = {
    "unicode": "NFKC",
    "spaces": "collapse",
    "letter_case": "lower",
    "punctuation": "drop",
    "repair": "ftfy",
}


def clean(*documents: str, **chosen: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    corpus = clean_corpus(Corpus(documents=documents), CorpusSettings(**chosen))
    return tuple(corpus.documents), corpus.notes


def test_clean_text_stays_as_it_is_and_nothing_is_said():
    text = "Héllo,\tworld  \n😀 می‌خواهم\n"
    assert clean(text) == ((text,), ())


def test_with_all_steps_off_nothing_changes():
    text = "a\r\nb\rc\x07\x0c\ufeff  d\t\n"
    assert clean(text, **NOTHING) == ((text,), ())


def test_newlines_fold_into_lf():
    documents, notes = clean("a\r\nb\rc\nd", "e\r")
    assert documents == ("a\nb\nc\nd", "e\n")
    assert notes == ("Newlines: 3 line ends (CRLF or CR) folded into LF.",)


def test_control_characters_are_dropped_but_tabs_and_newlines():
    documents, notes = clean("a\x07\x1b\x85b\tc\r\n\ufeff\uffff", newlines="keep")
    assert documents == ("ab\tc\r\n",)
    assert notes == ("Control characters: 5 characters dropped that cannot be printed.",)


def test_a_unicode_form_composes_and_counts_lines():
    documents, notes = clean("e\u0301a\nplain\ne\u0301", unicode="NFC")
    assert documents == ("éa\nplain\né",)
    assert notes == ("Unicode form: 2 lines brought to NFC.",)


def test_nfd_and_nfkc_are_forms_of_their_own():
    assert clean("é", unicode="NFD")[0] == ("e\u0301",)
    assert clean("ﬁ２", unicode="NFKC")[0] == ("fi2",)


def test_spaces_collapse_and_go_at_the_end_of_lines():
    documents, notes = clean("a  b\t\tc \n\td   \ne ", spaces="collapse")
    assert documents == ("a b c\n d\ne",)
    assert notes == (
        "Spaces: 3 tabs made spaces.",
        "Spaces: 7 spaces dropped from runs and from the ends of lines.",
    )


def test_letters_are_lowered_and_counted():
    documents, notes = clean("AbÇ İ ΑΣ", letter_case="lower")
    assert documents == ("abç i̇ ας",)
    assert notes == ("Letter case: 5 letters lowered.",)


def test_punctuation_is_dropped_and_counted_and_symbols_stay():
    documents, notes = clean("“Well” – he said: 1+1=2, $3!\n中文。", punctuation="drop")
    assert documents == ("Well  he said 1+1=2 $3\n中文",)
    assert notes == ("Punctuation: 7 marks dropped.",)
    assert clean("a - b", punctuation="drop", spaces="collapse")[0] == ("a b",)


def test_what_punctuation_kept_apart_is_composed():
    assert clean("e.\u0301", unicode="NFC", punctuation="drop")[0] == ("é",)


def test_a_document_of_many_pieces_is_cleaned_as_one(monkeypatch):
    text = "Some  words\r\nand\x07 more \n" * 50 + "end  "
    whole = clean(text, **EVERYTHING)
    monkeypatch.setattr(stored, "PIECE", 40)
    monkeypatch.setattr(recut, "PIECE", 40)
    assert clean(text, **EVERYTHING) == whole
    assert clean(text, " \n" * 100, **EVERYTHING)[1][-1].startswith("Documents: 1 document")


def test_one_change_is_told_in_the_singular():
    assert clean("a\x00", letter_case="keep")[1][0].startswith("Control characters: 1 character ")


def test_a_lone_surrogate_never_gets_through():
    documents, notes = clean("a\ud800b", **NOTHING)
    assert documents == ("a\ufffdb",)
    assert notes == ("Surrogates: 1 lone surrogate replaced by U+FFFD.",)


def test_what_dropping_brings_together_is_composed():
    assert clean("e\x07\u0301", unicode="NFC")[0] == ("é",)


def test_what_lowering_lets_compose_is_composed():
    assert clean("H\u0331", unicode="NFC", letter_case="lower")[0] == ("ẖ",)


def test_notes_follow_those_of_the_reader():
    corpus = Corpus(documents=("a\r\n",), notes=("before",))
    assert clean_corpus(corpus, CorpusSettings()).notes[0] == "before"


def test_a_document_left_without_text_is_dropped_with_a_note():
    documents, notes = clean("text", "\x07\n")
    assert documents == ("text",)
    assert notes[-1] == "Documents: 1 document without text dropped."


def test_a_corpus_left_without_text_is_an_error():
    with pytest.raises(CorpusError, match="nothing of the corpus but whitespace"):
        clean("\x07\n", "\ufeff")


@settings(deadline=None)
@given(
    text=st.text(
        alphabet=st.one_of(
            st.characters(exclude_categories=()), st.sampled_from("\r\n\t \x07\u0301\u0331AH\xa0")
        )
    ),
    form=st.sampled_from(["none", "NFC", "NFD", "NFKC"]),
)
def test_cleaning_twice_is_cleaning_once(text, form):
    chosen = EVERYTHING | {"unicode": form, "repair": "none"}
    once, _ = clean("x" + text, **chosen)
    assert clean(*once, **chosen) == (once, ())
    "".join(once).encode("utf-8")


@pytest.mark.parametrize("repeated", [" ", "\t", " \n", "\r", "\r\n", "\x07", "A", "́", "\ud800"])
def test_a_million_of_anything_is_cleaned(repeated):
    """In time that grows with the length: otherwise this test would never end."""
    (document,), _ = clean(repeated * 1_000_000 + "x", **EVERYTHING)
    assert document.endswith("x")


@given(st.text(), st.sampled_from([{}, EVERYTHING | {"repair": "none"}]))
@settings(max_examples=60)
def test_a_text_is_cleaned_as_a_corpus_that_goes_on_after_it(text, chosen):
    cleaned, _ = clean_text(text, CorpusSettings(**chosen))
    documents, _ = clean(text.removeprefix("\ufeff").replace("\0", "") + "0", **chosen)
    assert f"{cleaned}0" == "".join(documents)
    assert clean_text(cleaned, CorpusSettings(**chosen)) == (cleaned, ())


@pytest.mark.parametrize(
    ("text", "chosen", "cleaned", "note"),
    [
        ("RETURN THE ", {"letter_case": "lower"}, "return the ", "9 letters lowered"),
        ("cafe\u0301", {"unicode": "NFC"}, "café", "1 line brought to NFC"),
        ("a\r\nb\r", {}, "a\nb\n", "2 line ends (CRLF or CR) folded"),
        ("\ufeffa", {"control_characters": "keep"}, "a", "1 byte order mark dropped"),
        ("a \t b  ", {"spaces": "collapse"}, "a b ", "dropped from runs"),
        ("a, b!", {"punctuation": "drop"}, "a b", "2 marks dropped"),
        ("a\x07b\0", {}, "ab", "1 NUL character dropped"),
        ("ΟΔΟΣ", {"letter_case": "lower"}, "οδος", "4 letters lowered"),
    ],
)
def test_a_text_is_cleaned_with_a_note_and_may_end_in_a_space(text, chosen, cleaned, note):
    found, notes = clean_text(text, CorpusSettings(**chosen))
    assert found == cleaned
    assert note in " ".join(notes)
