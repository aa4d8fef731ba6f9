from __future__ import annotations

from pathlib import Path
from typing import Any

from textgen_core.report.records import Records, Table
from textgen_core.report.sections.samples import MASKED, Mask, build_mask


def records(*pieces: list[Any]) -> Records:
    evaluation = {"written": [{"pieces": list(pieces)}]}
    return Records(name="run", evaluation=Table(Path("evaluation.json"), evaluation))


LANTERNS = [["x", 1.0, False], ["Where lanterns", 1.0, True], [" never burn", 1.0, True]]


def test_neighbouring_memorized_tokens_are_one_passage():
    mask = build_mask(records(*LANTERNS), excerpts=False)
    assert mask.passages == ("Where lanterns never burn",)
    assert mask.hide("Now: Where lanterns never burn!") == f"Now: {MASKED}!"


def test_with_excerpts_nothing_is_hidden():
    assert build_mask(records(*LANTERNS), excerpts=True) == Mask()


def test_a_few_letters_are_no_passage():
    assert build_mask(records(["the ", 1.0, True]), excerpts=False) == Mask()


def test_the_longer_of_two_passages_is_hidden_first():
    pieces = [["lanterns", 1.0, True], ["x", 1.0, False], ["old lanterns", 1.0, True]]
    assert build_mask(records(*pieces), excerpts=False).hide("old lanterns") == MASKED


def test_a_run_without_scored_texts_hides_nothing():
    assert build_mask(Records(name="run"), excerpts=False) == Mask()
    assert build_mask(records(), excerpts=False) == Mask()
