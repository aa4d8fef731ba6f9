"""The pieces of a scored text: joined, they are the text, with any tokenizer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from textgen_core.data.token_files import tokenize_documents
from textgen_core.data.tokenizer import END, train_tokenizer
from textgen_core.evaluation.figures import measure_losses
from textgen_core.evaluation.surprisal import ScoredText, pieces_of_documents, scored_tokens
from textgen_tokenizers.bpe import BPETokenizerTrainer
from textgen_tokenizers.character import CharacterTokenizerTrainer
from textgen_tokenizers.word import WordTokenizerTrainer

TEXT = "The mill turns, and turns.\n  Größe 東京 👍🏽!\n" * 5
OTHER = "  A mill\tof Ж and 東, turns…  \n\n👍 "


@pytest.fixture(
    params=[
        CharacterTokenizerTrainer(),
        WordTokenizerTrainer(),
        BPETokenizerTrainer(vocabulary_size=300),
    ],
    ids=lambda trainer: type(trainer).__name__,
)
def tokenizer(request):
    return train_tokenizer(request.param, [TEXT])


def test_the_pieces_joined_are_the_text(tokenizer):
    for text in (TEXT, OTHER, "", " "):
        pieces = pieces_of_documents([text], tokenizer)
        assert "".join(piece for _, piece in pieces) == (text if pieces else "")


def test_the_tokens_are_those_of_the_token_file(tokenizer, tmp_path):
    documents = [TEXT, OTHER]
    tokens = tokenize_documents(documents, tokenizer, "test", folder=tmp_path)
    token_ids = [token_id for token_id, _ in pieces_of_documents(documents, tokenizer)]
    assert token_ids == tokens.token_ids[1:].tolist()
    assert token_ids.count(END) == 1


def test_a_character_of_several_tokens_is_as_surprising_as_all_of_them():
    pieces = [(4, "a"), (5, "東"), (6, ""), (7, ""), (END, ""), (4, "b")]
    tokens = scored_tokens(pieces, np.full(len(pieces), math.log(2)))
    figures = measure_losses(np.full(len(pieces), math.log(2)), text_bytes=5, unknown_bytes=0)
    text = ScoredText(name="x", tokens=tokens, figures=figures, unknown_tokens=0)
    assert text.stretches() == [
        ("a", pytest.approx(1.0)),
        ("東", pytest.approx(3.0)),
        ("", pytest.approx(1.0)),
        ("b", pytest.approx(1.0)),
    ]


def test_every_token_has_its_loss_and_its_surprise_in_bits():
    tokens = scored_tokens([(4, "a"), (5, "b")], np.array([math.log(2), 0.0]))
    assert [token.text for token in tokens] == ["a", "b"]
    assert [token.bits for token in tokens] == pytest.approx([1.0, 0.0])
