from __future__ import annotations

from textgen_core.config.settings import CorpusSettings
from textgen_core.data.text_input import TextInput, unknown_parts
from textgen_tokenizers.character import CharacterTokenizerTrainer

TOKENIZER = CharacterTokenizerTrainer().train(["the mill "])


def test_a_text_is_cleaned_as_the_corpus_was_before_it_is_encoded():
    plain = TextInput(TOKENIZER).read("the ")
    read = TextInput(TOKENIZER, CorpusSettings(letter_case="lower")).read("\ufeffTHE ")
    assert (read.text, read.token_ids) == ("the ", plain.token_ids)
    assert len(read.notes) == 2
    assert plain.notes == ()


def test_what_the_tokenizer_does_not_know_is_told_once_and_up_to_a_token():
    read = TextInput(TOKENIZER).read("tXheX\udcff")
    assert read.unknown == ("X", "\ufffd")
    assert read.unknown_before(1) == ()
    assert unknown_parts(TOKENIZER, ["X", "thX7"]) == ("X", "7")
