"""A verdict: which rule decides, what it says in each language, and how it is read back."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from textgen_core.evaluation.findings import ADVICE
from textgen_core.evaluation.verdict import (
    CHANGES,
    CLAUSES,
    OUTCOMES,
    PLACES,
    Verdict,
    read_verdict,
)
from textgen_core.formatting import say
from textgen_core.formatting.languages import catalogue

GOOD = Verdict(
    outcome="good",
    clauses=("words", "ahead of both", "best at the end"),
    change="a little more",
    values={"ngram": 9.4, "xz": 5.1, "gain": 2.8, "flag": "--minutes 10"},
)


def test_everything_that_a_verdict_or_a_finding_says_is_in_the_catalogue():
    said = (OUTCOMES, CLAUSES, CHANGES, PLACES)
    texts = [text for table in said for text in table.values()]
    texts += [*ADVICE, *(advice for advice, _ in ADVICE.values())]
    assert [each for each in texts if each not in catalogue("es")] == []


def test_a_verdict_is_said_in_the_language_of_its_reader(monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", "en")
    assert GOOD.sentences() == (
        "A good run. It writes words, predicts new text 9 % better than counting n-grams and 5 % "
        "better than xz, and was best at its last step.",
        "Training longer may bring about 3 % more: run it again with --minutes 10",
        "Explained in docs/course/troubles.md#the-verdict",
    )
    monkeypatch.setenv("TEXTGEN_LANG", "es")
    assert GOOD.sentences()[1:] == (
        "Entrenar más puede dar cerca de un 3 % más: ejecútalo otra vez con --minutes 10",
        "Explicado en docs/course/es/problemas.md#el-veredicto",
    )


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_a_verdict_names_for_reading_is_there(language, monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", language)
    for outcome in PLACES:
        place = say(PLACES[outcome])
        page, _, anchor = place.partition("#")
        text = (Path(__file__).parents[2] / page).read_text(encoding="utf-8")
        titles = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
        anchors = ["".join(c for c in title.lower() if c not in ",.") for title in titles]
        assert anchor in [each.replace(" ", "-") for each in anchors], place


def test_every_beginning_of_a_verdict_is_in_the_table_of_the_course(monkeypatch):
    for language, page in (("en", "troubles.md"), ("es", "es/problemas.md")):
        monkeypatch.setenv("TEXTGEN_LANG", language)
        text = (Path(__file__).parents[2] / "docs" / "course" / page).read_text(encoding="utf-8")
        values = {"step": 1, "size": "1 kB", "passes": 5.0, "unknown": 2.0}
        table = [line for line in text.splitlines() if line.startswith("| ")]
        rows = [line.split(" | ")[0].removeprefix("| ").removesuffix(" …") for line in table]
        for outcome in OUTCOMES.values():
            told = say(outcome, **values)
            assert any(told.startswith(row) for row in rows), told


def test_a_verdict_by_the_validation_text_says_so(monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", "en")
    verdict = attrs.evolve(GOOD, values={**GOOD.values, "split": "validation"})
    assert verdict.sentences()[0].endswith("at its last step (all this on its validation text).")


def test_a_kept_verdict_is_read_back():
    assert read_verdict({"verdict": GOOD.as_json()}) == GOOD


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "splendid"},
        {"outcome": ["good"]},
        {"clauses": 3},
        {"clauses": ["{flag.__class__}"]},
        {"change": "{flag}"},
        {"values": {"flag": "x"}},
        {"values": {**GOOD.values, "gain": "much"}},
        {"values": {**GOOD.values, "gain": 10**400}},
        {"values": None},
    ],
)
def test_a_verdict_that_cannot_be_said_is_none(changes):
    assert read_verdict({"verdict": {**GOOD.as_json(), **changes}}) is None


@pytest.mark.parametrize("kept", [{}, {"verdict": None}, {"verdict": "good"}, {"verdict": []}])
def test_an_evaluation_may_have_no_verdict(kept):
    assert read_verdict(kept) is None
