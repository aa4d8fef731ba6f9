"""The characters of a text: how many different ones, and of which scripts.

This module knows nothing about words or lines.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

CODE_POINTS = 0x110000
PIECE = 1 << 20
# The first word of a character's Unicode name is its script, but for these.
NAMED_OTHERWISE = {
    "CJK": "Han",
    "IDEOGRAPHIC": "Han",
    "FEMININE": "Latin",
    "MASCULINE": "Latin",
    "MICRO": "Greek",
    "OHM": "Greek",
    "KELVIN": "Latin",
    "ANGSTROM": "Latin",
    "MATHEMATICAL": "Symbols",
    "DOUBLE-STRUCK": "Symbols",
    "SCRIPT": "Symbols",
    "BLACK-LETTER": "Symbols",
    "MODIFIER": "Symbols",
}
WIDTHS = ("FULLWIDTH", "HALFWIDTH")
OLD = ("OLD", "NEW", "LINEAR", "TAI")  # scripts of two words


def count_characters(documents: Iterable[str]) -> Counter[str]:
    """Return how often each character occurs."""
    import numpy as np

    counts = np.zeros(CODE_POINTS, np.int64)
    for piece in _pieces(documents):
        codes = np.frombuffer(piece.encode("utf-32-le", "surrogatepass"), np.uint32)
        found = np.bincount(codes)
        counts[: len(found)] += found
    return Counter({chr(code): int(counts[code]) for code in np.flatnonzero(counts)})


def count_scripts(characters: Counter[str]) -> dict[str, int]:
    """Return how many letters are of each script, the most frequent script first."""
    scripts: Counter[str] = Counter()
    for character, count in characters.items():
        if unicodedata.category(character).startswith("L"):
            scripts[script_of(character)] += count
    return dict(scripts.most_common())


def script_of(letter: str) -> str:
    """Return the script of a letter, such as Latin, Han or Hiragana, by its Unicode name."""
    words = unicodedata.name(letter, "UNKNOWN").replace("IDEOGRAPH-", "IDEOGRAPH ").split()
    if words[0] in WIDTHS:
        words = words[1:]
    if words[0] in OLD and len(words) > 1:
        return f"{words[0]} {words[1]}".title()
    return NAMED_OTHERWISE.get(words[0], words[0].capitalize())


def utf8_size(characters: Counter[str]) -> int:
    """Return how many bytes the characters take in UTF-8."""
    return sum(
        count * len(character.encode("utf-8", "surrogatepass"))
        for character, count in characters.items()
    )


def _pieces(documents: Iterable[str]) -> Iterator[str]:
    """Yield the text in pieces of about equal size, however long its documents are."""
    waiting: list[str] = []
    size = 0
    for document in documents:
        for start in range(0, len(document), PIECE):
            part = document[start : start + PIECE]
            waiting.append(part)
            size += len(part)
            if size >= PIECE:
                yield "".join(waiting)
                waiting, size = [], 0
    if waiting:
        yield "".join(waiting)
