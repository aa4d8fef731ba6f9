"""Which rule judges a run, and what its verdict says then."""

from __future__ import annotations

import math

import pytest

from textgen_core.evaluation.diagnosis import Symptoms, diagnose
from textgen_core.evaluation.loops import RepeatedPhrase
from textgen_core.evaluation.verdict import CHANGES, OUTCOMES, read_verdict
from textgen_core.evaluation.verdict_case import RunFacts
from textgen_core.evaluation.verdict_rules import RULES, verdict_of

FLAGS = {
    "longer": "--minutes 10",
    "text or dropout": "--model lstm:dropout=0.4",
    "larger": "--model lstm:units=512",
    "freer": "--sampler nucleus:0.9",
    "slower": "--learning-rate 0.001",
    "further back": "--set data.sequence_length=512",
    "documents": "--set corpus.documents=blank-line",
}
FACTS = {"step": 600, "training_bytes": 10**6, "passes": 3.0, "flags": FLAGS, "times": 10 / 3}
WELL = {
    "tokens": 1000,
    "unknown_tokens": 0,
    "loss": 1.6,
    "bits_per_byte": 2.3,
    "uniform_loss": 4.0,
    "unigram_loss": 3.2,
    "ngram_loss": 1.8,
    "xz_bits_per_byte": 2.8,
    "repetition": 0.03,
    "real_words": 0.95,
    "copied_fours": (0.1, 0.08),
    "longer": "training.minutes",
}


def rows_of(*losses):
    """Rows of metrics.jsonl: a training row and a validation row every hundred steps."""
    return [
        row
        for number, (training, validation) in enumerate(losses, 1)
        for row in (
            {"step": 100 * number, "loss": training},
            {"step": 100 * number, "validation_loss": validation},
        )
    ]


SETTLED = rows_of((3.0, 3.0), (2.0, 2.1), (1.62, 1.61), (1.61, 1.605), (1.605, 1.602), (1.6, 1.6))
FALLING = rows_of((3.0, 3.0), (2.2, 2.2), (1.9, 1.9), (1.7, 1.7), (1.6, 1.6))
FALLEN = ((3.0, 3.0), (1.7, 1.7), (1.66, 1.66), (1.63, 1.63), (1.61, 1.61), (1.6, 1.6))
GAINING = rows_of(*FALLEN)
RISING = rows_of((3.0, 3.0), (2.0, 2.0), (1.5, 1.7), (1.2, 1.6), (0.9, 1.7), (0.6, 1.9))
GAP = rows_of((3.0, 3.1), (2.3, 2.5), (2.057, 2.409), (1.8, 2.392), (1.713, 2.386))


def judge(facts=(), rows=SETTLED, **figures):
    symptoms = Symptoms(**{**WELL, **figures}, rows=rows)
    return verdict_of(symptoms, diagnose(symptoms), RunFacts(**{**FACTS, **dict(facts)}))


CASES = {
    "good": {},
    "seen": {"seen": "Seen."},
    "other kind": {"other_kind": "Another."},
    "unscored": {"tokens": 0, "loss": math.nan},
    "diverged": {"rows": [*SETTLED, *rows_of((5.0, 5.0))]},
    "unfinished": {"facts": {"unfinished": True}},
    "too little text": {"facts": {"training_bytes": 16_000, "passes": 40.0}},
    "unknown tokens": {"unknown_tokens": 100},
    "empty": {"samples": 50, "empty_samples": 40},
    "looping": {"repetition": 0.6},
    "overfitted": {"rows": RISING},
    "copying": {"copied_eights": (0.6, 0.02)},
    "counts alone": {"counts_loss": 1.601},
    "settled": {"ngram_loss": 1.5},
    "undertrained": {"rows": FALLING},
    "incoherent": {"over_length": [(50 * n, 1.0 + 0.1 * n) for n in range(1, 9)]},
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_has_a_run_that_it_holds_for(outcome, monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", "en")
    verdict = judge(**CASES[outcome])
    assert verdict.outcome == outcome
    assert read_verdict({"verdict": verdict.as_json()}) == verdict
    *told, place = verdict.sentences("runs/x")
    assert len(told) == 2
    assert place.startswith("Explained in docs/course/troubles.md#")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_verdict_is_short(outcome, language, monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", language)
    *told, _ = judge(**CASES[outcome]).sentences("runs/2031-05-04-101500-lstm")
    assert len(" ".join(told)) <= 240


def test_the_order_of_the_rules_is_that_of_the_outcomes():
    assert [*RULES, "good"] == [*dict.fromkeys([*RULES, *OUTCOMES])]
    assert {*RULES, "good"} == {*OUTCOMES}


@pytest.mark.parametrize(
    ("case", "outcome", "change", "flag"),
    [
        # a good run is told what more training would bring, where it would bring anything
        ({"rows": GAINING}, "good", "a little more", "--minutes 10"),
        ({}, "good", "text", None),
        ({"rows": GAP}, "good", "a little more", "--minutes 10"),
        # a text of another kind says nothing of how the model was trained
        ({"other_kind": "Another.", "rows": FALLING}, "other kind", "train on it", None),
        # little text is the reason for all else; who has no more of it is told of dropout too
        (
            {"facts": {"training_bytes": 16_000, "passes": 40.0}, "rows": RISING},
            "too little text",
            "text or dropout",
            "--model lstm:dropout=0.4",
        ),
        (
            {"facts": {"training_bytes": 16_000, "passes": 40.0}},
            "too little text",
            "much more text",
            None,
        ),
        # dropout is as high as it goes
        (
            {"facts": {"training_bytes": 16_000, "passes": 40.0, "flags": {}}, "rows": RISING},
            "too little text",
            "much more text",
            None,
        ),
        # unless more training helps first: it was hardly read, or its loss is still falling
        (
            {"facts": {"training_bytes": 16_000, "passes": 40.0}, "rows": FALLING},
            "undertrained",
            "longer",
            "--minutes 10",
        ),
        (
            {"facts": {"training_bytes": 16_000, "passes": 2.0}, "rows": FALLING},
            "undertrained",
            "longer",
            "--minutes 10",
        ),
        # a loss hardly below that of counting tokens has not settled, whatever its curve
        ({"loss": 3.1}, "undertrained", "longer", "--minutes 10"),
        # documents that are short end soon; one that is the whole text does not
        (
            {"samples": 9, "empty_samples": 5, "facts": {"flags": {}}},
            "good",
            "text",
            None,
        ),
        # a loop in a few samples of a good run
        (
            {"loops": [RepeatedPhrase(text="to be", times=9, sample=3)], "rows": GAINING},
            "good",
            "freer",
            "--sampler nucleus:0.9",
        ),
        # what is seen in the samples is told first: another sampler costs no training
        ({"repetition": 0.6, "rows": FALLING}, "looping", "freer", "--sampler nucleus:0.9"),
        # counting is better: train longer, unless that would not help any more
        ({"ngram_loss": 1.5, "rows": FALLING}, "undertrained", "longer", "--minutes 10"),
        ({"ngram_loss": 1.5}, "settled", "larger", "--model lstm:units=512"),
        (
            {"loss": 2.4, "ngram_loss": 2.3, "rows": GAP},
            "overfitted",
            "text or dropout",
            "--model lstm:dropout=0.4",
        ),
        # a network that adds nothing to its counts
        ({"counts_loss": 1.601, "rows": FALLING}, "undertrained", "longer", "--minutes 10"),
        ({"counts_loss": 1.601, "rows": rows_of((2.0, 1.6))}, "undertrained", "longer", None),
        ({"counts_loss": 1.7}, "good", "text", None),
        # a last validation that is worse than the best one by chance alone
        ({"rows": rows_of(*FALLEN, (1.3, 1.604))}, "good", "a little more", "--minutes 10"),
        # a loss that leapt up and came back to its best
        (
            {"rows": [{"step": 1, "loss": 1.0}, *SETTLED]},
            "good",
            "text",
            None,
        ),
    ],
)
def test_the_first_rule_that_holds_decides(case, outcome, change, flag):
    verdict = judge(**case)
    assert (verdict.outcome, verdict.change) == (outcome, change)
    if flag is not None:
        assert verdict.values["flag"] == flag


@pytest.mark.parametrize(
    ("figures", "clause"),
    [
        ({"loss": 4.1}, "guesses"),
        ({"loss": 3.0}, "frequencies"),
        ({"loss": 1.9}, "behind n-grams"),
        ({"loss": 1.8}, "even with n-grams"),
        ({"xz_bits_per_byte": None}, "ahead of n-grams"),
        ({"xz_bits_per_byte": 2.0}, "behind xz"),
        ({}, "ahead of both"),
        ({"ngram_loss": None, "unigram_loss": None, "xz_bits_per_byte": None}, "bits"),
        ({"real_words": 0.3}, "no words"),
        ({"real_words": 0.7}, "some words"),
        ({"copied_fours": (0.01, 0.08)}, "words"),
        ({"rows": RISING}, "best before"),
        ({"rows": rows_of((2.0, 2.0), (1.6, 1.6), (1.6, 1.61))}, "best near the end"),
        ({"rows": FALLING}, "still improving"),
        ({"rows": SETTLED}, "best at the end"),
        ({"rows": [{"step": 9, "loss": 0.5}]}, "apart"),
        ({"counts_loss": 1.605, "rows": FALLING}, "adds"),
        ({"counts_loss": 1.6, "rows": FALLING}, "adds nothing"),
        (
            {"facts": {"training_bytes": 16_000, "passes": 40.0}, "rows": RISING},
            "best before",
        ),
    ],
)
def test_a_verdict_says_what_its_figures_show(figures, clause):
    assert clause in judge(**figures).clauses


def test_percentages_are_of_the_baseline_and_gains_of_longer_training():
    verdict = judge(rows=GAINING)
    assert verdict.values["ngram"] == pytest.approx(100 * (1.8 - 1.6) / 1.8)
    assert verdict.values["xz"] == pytest.approx(100 * (2.8 - 2.3) / 2.8)
    half = 100 * (1.66 - 1.6) / 1.66
    assert verdict.values["gain"] == pytest.approx(half * math.log2(10 / 3))


def test_a_change_without_a_flag_is_not_advised():
    verdict = judge(rows=FALLING, facts={"flags": {}})
    assert (verdict.outcome, verdict.change) == ("undertrained", "text")
    assert "{flag}" not in CHANGES["text"]
