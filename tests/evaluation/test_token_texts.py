"""The tokens of a text with what each stands for: joined, they are the text, with any tokenizer."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.fake_models import BigramModel, build_tokenizer, language_model

from textgen_core.corpus import documents as documents_module
from textgen_core.corpus.documents import store_documents
from textgen_core.data.token_files import tokenize_documents
from textgen_core.data.tokenizer import END, START, encode, train_tokenizer
from textgen_core.evaluation import token_texts
from textgen_core.evaluation.scoring import Scorer
from textgen_core.evaluation.token_texts import align, score_after, split_into_tokens
from textgen_tokenizers.bpe import BPETokenizerTrainer
from textgen_tokenizers.character import CharacterTokenizerTrainer
from textgen_tokenizers.word import WordTokenizerTrainer

VOCABULARY = 100
TEXT = "The mill turns, and turns.\n  Größe 東京 👍🏽!\n" * 5
OTHER = "  A mill\tof Ж and 東, turns…  \n\n👍 "
WORDS = build_tokenizer(200)


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


def test_the_parts_joined_are_the_text(tokenizer):
    for text in (TEXT, OTHER, "", " "):
        tokens = split_into_tokens([text], tokenizer)
        assert "".join(part for _, part in tokens) == (text if tokens else "")


def test_the_tokens_are_those_of_the_token_file(tokenizer, tmp_path):
    documents = [TEXT, OTHER]
    tokens = tokenize_documents(documents, tokenizer, "test", folder=tmp_path)
    token_ids = [token_id for token_id, _ in split_into_tokens(documents, tokenizer)]
    assert token_ids == tokens.token_ids[1:].tolist()
    assert token_ids.count(END) == 1


def tokens_of(documents):
    ids = []
    for number, document in enumerate(documents):
        ids += ([END] if number else []) + encode(WORDS, document)
    return np.array(ids, np.uint16)


@pytest.mark.parametrize("keep", [list, store_documents])
def test_only_the_beginning_is_aligned_and_a_token_cut_in_two_is_left_out(keep, monkeypatch):
    monkeypatch.setattr(documents_module, "PIECE", 7)
    documents = keep(["w10 w11 w12", "w13 w14 w15"])
    token_ids = tokens_of(documents)
    losses = np.arange(len(token_ids), dtype=np.float32)
    whole = list(align(documents, WORDS, token_ids, losses))
    assert [token.token_id for token in whole] == token_ids.tolist()
    assert "".join(token.text for token in whole) == "w10 w11 w12w13 w14 w15"
    assert [token.loss for token in whole] == losses.tolist()
    monkeypatch.setattr(token_texts, "MOST_CHARACTERS", 13)
    cut = list(align(documents, WORDS, token_ids, losses))
    assert cut == whole[: len(cut)]
    assert len(cut) in (3, 4)  # "w1" is another word than "w13"


@pytest.fixture(scope="module")
def model():
    return BigramModel(np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)))


@pytest.fixture(scope="module")
def scorer(model):
    return Scorer(language_model(model, VOCABULARY))


def test_a_text_is_scored_after_its_prompt(model, scorer):
    scored = score_after("w10 w11", " w12 w13", scorer)
    assert "".join(token.text for token in scored) == " w12 w13"
    losses = model.numpy_losses(np.array([START, 10, 11, 12, 13]))
    assert [token.loss for token in scored] == pytest.approx(losses[2:].tolist(), rel=1e-4)


def test_a_token_across_the_border_belongs_to_the_text(scorer):
    scored = score_after("w10 w1", "2 w13", scorer)
    assert [token.text for token in scored] == ["2", " w13"]


@pytest.mark.parametrize(("prompt", "text"), [("", "w4 w5"), ("w4", ""), ("", "")])
def test_without_a_prompt_or_a_text_there_is_what_there_is(prompt, text, scorer):
    assert "".join(token.text for token in score_after(prompt, text, scorer)) == text
