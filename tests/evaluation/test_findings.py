"""Findings as a reader gets them: in the chosen language, those with one remedy as one."""

from __future__ import annotations

import json

import pytest

from textgen_core.evaluation.diagnosis import Symptoms, diagnose
from textgen_core.evaluation.findings import tell_findings

UNKNOWN = "{percent:.1f} % of its tokens are unknown to the tokenizer."
ROWS = [
    {"step": 100 * number, name: 4 - 0.3 * number}
    for number in range(10)
    for name in ("loss", "validation_loss")
]


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", "en")


def tables(**figures):
    """The findings as evaluation.json keeps them."""
    known = {"tokens": 1000, "unknown_tokens": 0, "loss": 2.0, "bits_per_byte": 2.0}
    found = diagnose(Symptoms(**{**known, **figures}))
    return json.loads(json.dumps([each.as_json() for each in found]))


def test_findings_with_one_remedy_are_told_as_one():
    kept = tables(rows=ROWS, ngram_loss=1.9, xz_bits_per_byte=1.9, repetition=0.5)
    assert [each["trouble"] for each in kept] == [
        "worse than n-grams",
        "worse than xz",
        "undertraining",
        "repetition",
    ]
    longer, sampler = tell_findings(kept)
    assert longer.issues == ("worse than n-grams", "worse than xz", "undertraining")
    assert longer.evidence == tuple(each["evidence"] for each in kept[:3])
    assert (longer.advice, longer.setting) == (kept[0]["advice"], "training.epochs")
    assert sampler.issues == ("repetition",)


def test_memorizing_and_copying_have_one_remedy_which_is_not_to_train_longer():
    found = [
        {"trouble": "overfitting", "evidence": "A.", "advice": "Less.", "setting": "model.dropout"},
        {"trouble": "copying", "evidence": "B.", "advice": "Stop.", "setting": "training.epochs"},
        {
            "trouble": "undertraining",
            "evidence": "C.",
            "advice": "M.",
            "setting": "training.epochs",
        },
    ]
    assert [each.issues for each in tell_findings(found)] == [
        ("overfitting", "copying"),
        ("undertraining",),
    ]


def test_findings_are_told_in_the_language_of_the_reader(monkeypatch):
    kept = tables(unknown_tokens=110)
    monkeypatch.setenv("TEXTGEN_LANG", "es")
    (told,) = tell_findings(kept)
    assert told.issues == ("muchos tokens desconocidos",)
    assert told.evidence == (
        "El tokenizador no conoce 110 de los 1000 tokens reservados (11.0 %).",
    )
    assert told.advice.startswith("Aumenta vocabulary_size")
    assert kept[0]["evidence"].startswith("110 of 1000 held-out tokens")


@pytest.mark.parametrize(
    "said",
    [
        None,
        "evidence",
        {"evidence": 3, "advice": [3]},
        {"evidence": [["{x.__class__}", {"x": 1}]], "advice": [["Give it more.", {}]]},
        {"evidence": [["The training loss at step {step} is not finite.", {}]]},
        {"evidence": [["The training loss at step {step} is not finite.", None]]},
        {"evidence": [[UNKNOWN, {"percent": "x"}]]},
        {"evidence": [[UNKNOWN, {"percent": 10**400}]]},
    ],
)
def test_what_cannot_be_said_again_is_told_in_english(said, monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", "es")
    kept = {"trouble": "odd", "evidence": "It is.", "advice": "Do.", "setting": "s", "said": said}
    (told,) = tell_findings([kept])
    assert (told.issues, told.evidence, told.advice) == (("odd",), ("It is.",), "Do.")


def test_values_that_are_no_text_are_left_out():
    (told,) = tell_findings([{"trouble": 3, "evidence": None, "advice": ["x"], "setting": {}}])
    assert (told.issues, told.evidence, told.advice, told.setting) == (("",), ("",), "", "")
