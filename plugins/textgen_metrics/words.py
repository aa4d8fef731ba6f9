"""How the bundled metrics cut a text into units, and units into n-grams.

Not by the model's tokens: these figures must compare models whose tokenizers differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from textgen_core import Evidence

Unit = Literal["word", "character"]

JAPANESE = "Hiragana"  # the script that the evidence of a Japanese text has
# What a word is in the scripts that put no spaces between words.
_UNITS = {
    "Han": "character",
    JAPANESE: "character-or-kana-run",
    **dict.fromkeys(("Thai", "Lao", "Khmer", "Myanmar", "Tibetan"), "syllable"),
}
UNSPACED = tuple(_UNITS)


def split_units(text: str, unit: Unit, lowercase: bool = False) -> list[str]:
    """Return the units of `text`: words and punctuation marks, or characters without the spaces."""
    if lowercase:
        text = text.lower()
    if unit == "character":
        return [character for character in text if not character.isspace()]
    return Evidence.words(text)


def sign_units(unit: Unit, evidence: Evidence | None, lowercase: bool = False) -> str:
    """Return in a signature's form what the units of a text are, which its script decides."""
    script = evidence.script if evidence is not None else ""
    what = _UNITS.get(script, unit) if unit == "word" else unit
    case = "lc" if lowercase else "mixed"
    return f"unit:{what}|script:{script or 'any'}|case:{case}"


def iterate_ngrams(units: Sequence[str], order: int) -> Iterator[tuple[str, ...]]:
    """Yield the n-grams of `units`, `len(units) - order + 1` of them, or none."""
    for start in range(len(units) - order + 1):
        yield tuple(units[start : start + order])
