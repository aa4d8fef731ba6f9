"""How the bundled metrics cut a text into units, and units into n-grams.

Not by the model's tokens: these figures must compare models whose tokenizers differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

Unit = Literal["word", "character"]

# The core's error analysis has this pattern too: a plugin imports only the core's public names.
_WORDS = re.compile(r"\w+|([^\w\s])\1*")  # a line of dashes is one mark, not a loop of them


def split_units(text: str, unit: Unit, lowercase: bool = False) -> list[str]:
    """Return the units of `text`: words and punctuation marks, or characters without the spaces."""
    if lowercase:
        text = text.lower()
    if unit == "character":
        return [character for character in text if not character.isspace()]
    return [match.group() for match in _WORDS.finditer(text)]


def iterate_ngrams(units: Sequence[str], order: int) -> Iterator[tuple[str, ...]]:
    """Yield the n-grams of `units`, `len(units) - order + 1` of them, or none."""
    for start in range(len(units) - order + 1):
        yield tuple(units[start : start + order])
