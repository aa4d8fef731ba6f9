from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from textgen_core.report.fields import Table
from textgen_core.report.records import Records
from textgen_core.report.sections.surprisal import (
    MOST_CHARACTERS,
    MOST_PIECES,
    MOST_TEXTS,
    Surprise,
    describe_surprise,
    surprise_class,
)


def describe(*texts: Any, excerpts: bool = True, prompt: str = "own") -> Surprise | None:
    written = [
        {"prompt": "own", "pieces": each} if isinstance(each, list) else each for each in texts
    ]
    return describe_surprise(
        Records(
            name="run",
            configuration=Table(Path("run.toml"), {"generation": {"prompt": prompt}}),
            evaluation=Table(Path("evaluation.json"), {"written": written}),
        ),
        excerpts=excerpts,
    )


@pytest.mark.parametrize(
    ("bits", "kind"),
    [(0.0, "s0"), (0.99, "s0"), (1.0, "s1"), (6.9, "s3"), (11.0, "s5"), (900.0, "s5"), (None, "")],
)
def test_the_more_bits_the_deeper_the_class(bits: float | None, kind: str):
    assert surprise_class(bits) == kind


def test_the_legend_names_every_class_once_and_without_a_gap():
    surprise = describe([["a", 1.0, False]])
    assert surprise is not None
    shown = [(step.kind, step.text) for step in surprise.legend]
    assert [kind for kind, _ in shown] == ["s0", "s1", "s2", "s3", "s4", "s5"]
    assert [text for _, text in shown] == ["under 1", "1–2", "2–4", "4–7", "7–11", "over 11"]


def test_a_piece_has_its_colour_its_mark_and_its_bits():
    surprise = describe([["a", 2.5, False], ["b", 0.25, True], ["c", None, False]])
    assert surprise is not None
    [text] = surprise.texts
    assert [(piece.text, piece.kind, piece.title) for piece in text.pieces] == [
        ("a", "s2", "2.5 bits"),
        ("b", "s0 copied", "0.2 bits"),
        ("c", "", ""),
    ]
    assert surprise.sentence == "3 tokens, 1.38 bits each on average, 33 % of them copied."


def test_without_excerpts_a_run_of_copied_pieces_is_counted_and_not_shown():
    tokens = [["a", 1.0, False], ["b", 1.0, True], ["c", 1.0, True], ["d", 1.0, False]]
    surprise = describe(tokens, excerpts=False)
    assert surprise is not None
    [text] = surprise.texts
    assert [piece.text for piece in text.pieces] == ["a", " [2 tokens copied] ", "d"]
    assert text.prompt == "own"


def test_without_excerpts_only_the_prompt_that_was_asked_for_is_shown():
    held_out = {"prompt": "words of the corpus", "pieces": [["a", 1.0, False]]}
    with_excerpts, without = describe(held_out), describe(held_out, excerpts=False)
    assert with_excerpts is not None
    assert without is not None
    assert with_excerpts.texts[0].prompt == "words of the corpus"
    assert without.texts[0].prompt == ""
    assert without.has_quoted_prompts


def test_ten_thousand_pieces_are_cut_and_counted():
    surprise = describe([["ab", 1.0, False]] * 10_000, [["c", 1.0, False]])
    assert surprise is not None
    [text] = surprise.texts
    assert (len(text.pieces), text.rest) == (MOST_PIECES, 10_000 - MOST_PIECES)
    assert surprise.left_out == 1


def test_endless_pieces_do_not_pass_the_limit_of_characters():
    surprise = describe([["a" * 1000, 1.0, False]] * 1000)
    assert surprise is not None
    size = sum(len(piece.text) for text in surprise.texts for piece in text.pieces)
    assert 0.9 * MOST_CHARACTERS < size <= MOST_CHARACTERS


def test_of_many_texts_the_first_are_shown_and_empty_ones_left_out():
    surprise = describe([], *[[["a", 1.0, False]]] * 20)
    assert surprise is not None
    assert (len(surprise.texts), surprise.left_out) == (MOST_TEXTS, 20 - MOST_TEXTS)


def test_there_is_nothing_to_show_of_a_run_without_scored_texts():
    assert describe() is None
    assert describe([], {"prompt": None, "pieces": None}, {}) is None
    assert describe_surprise(Records(name="run"), excerpts=True) is None


def test_a_text_without_a_prompt_or_bits_is_shown():
    surprise = describe({"pieces": [["a", None, None]]})
    assert surprise is not None
    assert surprise.texts[0].prompt == ""
    assert surprise.sentence == "1 token."
    assert not surprise.has_quoted_prompts
