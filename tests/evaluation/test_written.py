from __future__ import annotations

import math

import numpy as np
import pytest
from evaluation.fake_models import BigramModel, language_model

from textgen_core.components import Evidence
from textgen_core.data.tokenizer import START
from textgen_core.evaluation.scoring import Scorer
from textgen_core.evaluation.token_texts import show_written

VOCABULARY = 100


@pytest.fixture(scope="module")
def model():
    return BigramModel(np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)))


@pytest.fixture(scope="module")
def scorer(model):
    return Scorer(language_model(model, VOCABULARY))


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


def test_samples_are_shown_with_their_bits_and_what_is_memorized(model, scorer):
    copied = " w20 w21 w22 w23 w24 w25"
    samples = [" w10 w11" + copied + " w12", " w30", "", " w31", " w32"]
    shown = show_written(evidence_of(samples, ["before" + copied + "\nafter"]), scorer)
    assert ["".join(text for text, _, _ in each.pieces) for each in shown] == [
        samples[0], " w30", " w32",
    ]  # fmt: skip
    marked = "".join(text for text, _, is_memorized in shown[0].pieces if is_memorized)
    assert marked == copied
    losses = model.numpy_losses(np.array([START, 4, 5, 10]))
    assert shown[0].pieces[0][1] == pytest.approx(losses[2] / math.log(2), rel=1e-4)
    assert not any(is_memorized for each in shown[1:] for _, _, is_memorized in each.pieces)


@pytest.mark.parametrize("samples", [[], ["", ""]])
def test_nothing_written_shows_nothing(samples, scorer):
    assert show_written(evidence_of(samples, ["text"]), scorer) == []
