from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from evaluation.fake_models import build_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from textgen_core.config.settings import EvaluationSettings
from textgen_core.corpus import documents as documents_module
from textgen_core.corpus.documents import store_documents
from textgen_core.data.text_input import TextInput
from textgen_core.data.tokenizer import END
from textgen_core.evaluation.evidence import TrainingText, choose_prompts, gather_evidence

TOKENIZER = build_tokenizer(2000)
SETTINGS = EvaluationSettings(prompts=4, prompt_tokens=3, continuation_tokens=5)


def text_of(*numbers):
    return " ".join(f"w{number}" for number in numbers)


def choose(token_ids, settings=SETTINGS, tokenizer=TOKENIZER):
    return choose_prompts(np.array(token_ids), tokenizer, settings)


def test_prompts_are_spread_evenly_from_the_start_to_the_end():
    pieces = choose(range(100, 138))  # 30 positions between the first and the last start
    assert [prompt.split()[0] for prompt, _ in pieces] == ["w100", "w110", "w120", "w130"]


def test_a_reference_is_what_really_follows_its_prompt():
    prompt, reference = choose(range(100, 138))[1]
    assert prompt == text_of(110, 111, 112)
    assert reference.strip() == text_of(113, 114, 115, 116, 117)
    assert prompt + reference == text_of(*range(110, 118))


def test_a_short_text_is_divided_in_the_proportion_of_the_settings():
    ((prompt, reference),) = choose([100, 101, 102, 103])
    assert prompt == "w100"
    assert reference.split() == ["w101", "w102", "w103"]


@pytest.mark.parametrize("token_ids", [[], [100]])
def test_a_text_with_nothing_to_follow_gives_no_prompts(token_ids):
    assert choose(token_ids) == []


def test_positions_are_not_used_twice():
    assert (
        len(
            choose(
                range(100, 110),
                EvaluationSettings(prompts=50, prompt_tokens=3, continuation_tokens=5),
            )
        )
        == 3
    )


def test_neither_prompt_nor_reference_crosses_the_end_of_a_document():
    settings = EvaluationSettings(prompts=1, prompt_tokens=4, continuation_tokens=4)
    ((prompt, reference),) = choose([100, END, 101, 102, 103, END, 104, 105], settings)
    assert prompt == text_of(101, 102)
    assert reference.strip() == "w103"


def test_a_prompt_that_ends_its_document_is_left_out():
    settings = EvaluationSettings(prompts=1, prompt_tokens=2, continuation_tokens=2)
    assert choose([100, 101, END, 102], settings) == []


def build_byte_tokenizer():
    vocabulary = {symbol: number for number, symbol in enumerate(["Ã", "©", "a"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


@pytest.mark.parametrize(
    ("token_ids", "prompt", "reference"),
    [
        ([2, 0, 1, 2], "a", "éa"),  # cut by the border
        ([1, 2, 0, 1], "a", "é"),  # cut by the start
    ],
)
def test_no_prompt_holds_a_character_cut_in_two(token_ids, prompt, reference):
    settings = EvaluationSettings(prompts=1, prompt_tokens=2, continuation_tokens=2)
    assert choose(token_ids, settings, build_byte_tokenizer()) == [(prompt, reference)]


def gather(token_ids, continue_prompts):
    scorer = SimpleNamespace(
        language_model=SimpleNamespace(tokenizer=TOKENIZER, read=TextInput(TOKENIZER).read),
        score=lambda token_ids: np.zeros(len(token_ids) - 1, np.float32),
    )
    ids, losses = np.array(token_ids, np.uint16), np.ones(len(token_ids), np.float32)
    return gather_evidence(scorer, ids, losses, SETTINGS, ("training", "text"), continue_prompts)


def test_the_model_continues_the_prompts_by_as_many_tokens_as_the_references_have():
    asked = []

    def continue_prompts(prompts, max_new_tokens):
        asked.append((list(prompts), max_new_tokens))
        return [prompt.upper() for prompt in prompts]

    evidence = gather(range(100, 138), continue_prompts)
    assert asked == [(evidence.prompts, 5)]
    assert evidence.samples == [prompt.upper() for prompt in evidence.prompts]
    assert len(evidence.references) == len(evidence.samples) == 4


def test_evidence_holds_the_scored_tokens_and_text_that_can_be_read_again():
    evidence = gather(range(100, 138), lambda prompts, count: list(prompts))
    assert evidence.token_ids.dtype == np.int32
    assert len(evidence.token_ids) == len(evidence.token_losses) == 38
    assert list(evidence.training_text) == list(evidence.training_text) == ["training", "text"]
    assert len(evidence.score("w4 w5 w6 w7")) == 4


def test_without_prompts_the_model_is_not_asked():
    def refuse(prompts, count):
        raise AssertionError("asked")

    assert gather([100], refuse).samples == []


def test_a_missing_continuation_is_an_error():
    with pytest.raises(ValueError, match="4 prompts were given 1"):
        gather(range(100, 138), lambda prompts, count: ["one"])


@pytest.mark.parametrize("keep", [list, store_documents])
def test_pieces_end_at_spaces_and_joined_are_the_documents(keep, monkeypatch):
    monkeypatch.setattr(documents_module, "PIECE", 10)
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
