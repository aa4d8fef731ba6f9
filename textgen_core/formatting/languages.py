"""Sentences in the reader's language: written in English in the code, translated in a catalogue.

A catalogue, such as `es.toml`, has a table for each module that speaks; in it an English sentence,
with `{names}` for what is put in, is the key of the translation. What has none stays English.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

LANGUAGES = ("en", "es")
_VARIABLE = "TEXTGEN_LANG"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # POSIX: the first that is set decides


def chosen_language() -> str:
    """Return the language of what is said: TEXTGEN_LANG, else that of the locale, else English."""
    for name in (_VARIABLE, *_LOCALE):
        if value := os.environ.get(name, ""):
            language = value.replace("-", "_").split("_")[0].split(".")[0].lower()
            return language if language in LANGUAGES else "en"
    return "en"


def say(text: str, /, **values: object) -> str:
    """Return an English sentence in the chosen language.

    Args:
        text: The sentence as it stands in the code, `{names}` in it; a brace is written twice.
        values: What is put in for the names; `{loss:.3f}` formats it as in `str.format`.

    Returns:
        The translation with its values; the English sentence where there is none.
    """
    language = chosen_language()
    translated = text if language == "en" else catalogue(language).get(text, text)
    return translated.format(**values)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return the translations into a language, by the English sentence."""
    tables = tomllib.loads(
        resources.files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8")
    )
    return {english: other for table in tables.values() for english, other in table.items()}
