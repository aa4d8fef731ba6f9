from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from textgen_core.report.records import Records, Table
from textgen_core.report.sections.surprisal import (
    MOST_CHARACTERS,
    MOST_TEXTS,
    MOST_TOKENS,
    describe_surprisal,
)


def found_in(*texts: Any, excerpts: bool, prompt: str) -> dict[str, Any] | None:
    written = [
        {"prompt": "own", "pieces": each} if isinstance(each, list) else each for each in texts
    ]
    return describe_surprisal(
        Records(
            name="run",
            configuration=Table(Path("run.toml"), {"generation": {"prompt": prompt}}),
            evaluation=Table(Path("evaluation.json"), {"written": written}),
        ),
        excerpts=excerpts,
    )


def describe(*texts: Any, excerpts: bool = True, prompt: str = "own") -> SimpleNamespace:
    found = found_in(*texts, excerpts=excerpts, prompt=prompt)
    assert found is not None
    return SimpleNamespace(**found)


def test_the_legend_names_every_class_once_and_without_a_gap():
    surprisal = describe([["a", 1.0, False]])
    shown = [(step.kind, step.text) for step in surprisal.legend]
    assert [kind for kind, _ in shown] == ["s0", "s1", "s2", "s3", "s4", "s5"]
    assert [text for _, text in shown] == ["under 1", "1–2", "2–4", "4–7", "7–11", "over 11"]


def test_a_token_has_its_colour_its_mark_and_its_bits():
    surprisal = describe([["a", 2.5, False], ["b", 0.25, True], ["c", None, False]])
    [text] = surprisal.texts
    assert [(span.text, span.kind, span.title) for span in text.spans] == [
        ("a", "s2", "2.5 bits"),
        ("b", "s0 memorized", "0.2 bits"),
        ("c", "", ""),
    ]
    assert surprisal.sentence == "3 tokens, 1.38 bits each on average, 33 % of them memorized."


def test_without_excerpts_a_passage_of_memorized_tokens_is_counted_and_not_shown():
    tokens = [["a", 1.0, False], ["b", 1.0, True], ["c", 1.0, True], ["d", 1.0, False]]
    surprisal = describe(tokens, excerpts=False)
    [text] = surprisal.texts
    assert [span.text for span in text.spans] == ["a", " [2 tokens memorized] ", "d"]
    assert text.prompt == "own"


def test_without_excerpts_only_the_prompt_that_was_asked_for_is_shown():
    held_out = {"prompt": "words of the corpus", "pieces": [["a", 1.0, False]]}
    with_excerpts, without = describe(held_out), describe(held_out, excerpts=False)
    assert with_excerpts.texts[0].prompt == "words of the corpus"
    assert without.texts[0].prompt == ""
    assert "are left out of this page" in without.prompts


def test_ten_thousand_tokens_are_cut_and_counted():
    surprisal = describe([["ab", 1.0, False]] * 10_000, [["c", 1.0, False]])
    [text] = surprisal.texts
    assert (len(text.spans), text.rest) == (MOST_TOKENS, 10_000 - MOST_TOKENS)
    assert surprisal.left_out == 1


def test_endless_tokens_do_not_pass_the_limit_of_characters():
    surprisal = describe([["a" * 1000, 1.0, False]] * 1000)
    size = sum(len(span.text) for text in surprisal.texts for span in text.spans)
    assert 0.9 * MOST_CHARACTERS < size <= MOST_CHARACTERS


def test_of_many_texts_the_first_are_shown_and_empty_ones_left_out():
    surprisal = describe([], *[[["a", 1.0, False]]] * 20)
    assert (len(surprisal.texts), surprisal.left_out) == (MOST_TEXTS, 20 - MOST_TEXTS)


def test_there_is_nothing_to_show_of_a_run_without_scored_texts():
    for texts in ((), ([], {"prompt": None, "pieces": None}, {})):
        assert found_in(*texts, excerpts=True, prompt="own") is None
    assert describe_surprisal(Records(name="run"), excerpts=True) is None


def test_a_text_without_a_prompt_or_bits_is_shown():
    surprisal = describe({"pieces": [["a", None, None]]})
    assert surprisal.texts[0].prompt == ""
    assert surprisal.sentence == "1 token."
    assert surprisal.prompts == ""
