from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation.fake_models import BigramModel, language_model

from textgen_core.components import Evidence
from textgen_core.data.tokenizer import START
from textgen_core.evaluation.scoring import Scorer
from textgen_core.evaluation.written import losses_over_length, score_after, show_written

VOCABULARY = 100


@pytest.fixture(scope="module")
def model():
    return BigramModel(np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)))


@pytest.fixture(scope="module")
def scorer(model):
    return Scorer(language_model(model, VOCABULARY))


def test_a_text_is_scored_after_its_prompt(model, scorer):
    scored = score_after("w10 w11", " w12 w13", scorer)
    assert "".join(text for text, _ in scored) == " w12 w13"
    losses = model.numpy_losses(np.array([START, 10, 11, 12, 13]))
    assert [loss for _, loss in scored] == pytest.approx(losses[2:].tolist(), rel=1e-4)


def test_a_token_across_the_border_belongs_to_the_text(scorer):
    scored = score_after("w10 w1", "2 w13", scorer)
    assert [text for text, _ in scored] == ["2", " w13"]


@pytest.mark.parametrize(("prompt", "text"), [("", "w4 w5"), ("w4", ""), ("", "")])
def test_without_a_prompt_or_a_text_there_is_what_there_is(prompt, text, scorer):
    assert "".join(piece for piece, _ in score_after(prompt, text, scorer)) == text


def evidence_of(samples, training):
    return Evidence(
        samples=samples,
        prompts=["w4 w5" for _ in samples],
        references=["" for _ in samples],
        training_text=training,
        token_losses=np.zeros((0,)),
        token_ids=np.zeros((0,), np.int32),
        tokenizer=None,
        score=None,
    )


def test_samples_are_shown_with_their_bits_and_what_is_copied(model, scorer):
    copied = " w20 w21 w22 w23 w24 w25"
    samples = [" w10 w11" + copied + " w12", " w30", "", " w31", " w32"]
    shown = show_written(evidence_of(samples, ["before" + copied + "\nafter"]), scorer)
    assert ["".join(text for text, _, _ in each.pieces) for each in shown] == [
        samples[0], " w30", " w32",
    ]  # fmt: skip
    marked = "".join(text for text, _, is_copied in shown[0].pieces if is_copied)
    assert marked == copied
    losses = model.numpy_losses(np.array([START, 4, 5, 10]))
    assert shown[0].pieces[0][1] == pytest.approx(losses[2] / math.log(2), rel=1e-4)
    assert not any(is_copied for each in shown[1:] for _, _, is_copied in each.pieces)


@pytest.mark.parametrize("samples", [[], ["", ""]])
def test_nothing_written_shows_nothing(samples, scorer):
    assert show_written(evidence_of(samples, ["text"]), scorer) == []


def test_a_long_text_is_told_stretch_by_stretch():
    pieces = [(f" word{place % 20}", float(place)) for place in range(80)]
    rows = losses_over_length(pieces)
    assert [end for end, _, _ in rows] == [10, 20, 30, 40, 50, 60, 70, 80]
    assert rows[0][1] == pytest.approx(4.5)
    assert [share for _, _, share in rows][:2] == [0.0, 0.0]
    assert [share for _, _, share in rows][3:] == [1.0] * 5


def test_a_short_text_has_as_many_stretches_as_it_can():
    assert losses_over_length([]) == []
    assert losses_over_length([("a", 1.0), ("b", 3.0)]) == [(1, 1.0, None), (2, 3.0, None)]
