"""Sentences that are kept: in English, with what it takes to say them in another language later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Any, Self

from textgen_core.formatting.languages import LANGUAGES, catalogue, chosen_language, say

_TRANSLATED = tuple(each for each in LANGUAGES if each != "en")


class Sentence(str):
    """An English text, which also knows its sentences and what was put in.

    Args:
        text: The sentence as it stands in the code, `{names}` in it, as `say` takes it.
        values: What is put in for the names: numbers and texts. What has no name is not kept.
    """

    parts: tuple[tuple[str, Mapping[str, Any]], ...]

    def __new__(cls, text: str, /, **values: Any) -> Self:
        made = super().__new__(cls, text.format(**values))
        names = {name for _, name, _, _ in Formatter().parse(text)}
        made.parts = ((text, {name: each for name, each in values.items() if name in names}),)
        return made

    @classmethod
    def joined(cls, sentences: Iterable[Sentence]) -> Self:
        """Return several, one after the other."""
        taken = list(sentences)
        made = super().__new__(cls, " ".join(taken))
        made.parts = tuple(part for each in taken for part in each.parts)
        return made

    def as_json(self) -> list[list[Any]]:
        """Return what `say_again` takes."""
        return [[text, dict(values)] for text, values in self.parts]


def say_again(parts: Any, english: str) -> str:
    """Return in the chosen language what `Sentence.as_json` kept.

    Args:
        parts: The kept value, from any file: a sentence that no catalogue has is never formatted.
        english: What is said in English, and where the value is of no use.

    Returns:
        The text in the chosen language, or `english`.
    """
    if chosen_language() == "en" or not parts:
        return english
    try:
        if all(any(text in catalogue(each) for each in _TRANSLATED) for text, _ in parts):
            return " ".join(say(text, **values) for text, values in parts)
    except (TypeError, ValueError, LookupError, ArithmeticError):
        return english  # what another version, or whoever else, has written
    return english


def say_word(word: str) -> str:
    """Return in the chosen language a word of a file, which stays as it is where it is not known.

    Unlike a sentence, it has no places to put anything in.
    """
    return say_again([[word, {}]], word)
