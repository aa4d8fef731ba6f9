"""Sentences come in the language of TEXTGEN_LANG, else of the locale, and else in English."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import textgen_core
from textgen_core.formatting import LANGUAGES, chosen_language, say
from textgen_core.formatting.languages import catalogue

VARIABLES = ("TEXTGEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.mark.parametrize(
    ("given", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "es_MX.UTF-8"}, "es"),
        ({"LANG": "es_ES", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LC_MESSAGES": "es", "LANG": "en_US.UTF-8"}, "es"),
        ({"TEXTGEN_LANG": "es", "LC_ALL": "en_US.UTF-8"}, "es"),
        ({"TEXTGEN_LANG": "en-GB", "LANG": "es_ES.UTF-8"}, "en"),
        ({"LANG": "eu_ES.UTF-8"}, "en"),
    ],
)
def test_the_first_variable_that_is_set_chooses(
    given: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert chosen_language() == language


def test_what_has_no_translation_stays_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGEN_LANG", "es")
    assert say("No catalogue has {this:.1f}.", this=0.25) == "No catalogue has 0.2."


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_a_translation_puts_in_what_the_sentence_does(language: str) -> None:
    for english, other in catalogue(language).items():
        assert names_in(english) == names_in(other), english


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_every_sentence_that_is_said_has_its_translation(language: str) -> None:
    untranslated = [each for each in said() if each not in catalogue(language)]
    assert untranslated == []


def names_in(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def said() -> Iterator[str]:
    """Yield the sentences that stand in a call of `say` or `Sentence` in the core."""
    for path in sorted(Path(textgen_core.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in ("say", "Sentence") and node.args:
                text = node.args[0]
                if isinstance(text, ast.Constant):
                    yield text.value
