"""The characters of a text: how often each occurs, of which scripts they are, which are wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from textgen_core.components.words import count_scripts

REPLACEMENT = "\ufffd"
# UTF-8 that was read as Latin-1, Windows-1252 or Windows-1251: the first byte of a sequence as a
# letter, and the bytes after it as signs that hardly ever follow that letter.
MOJIBAKE = re.compile(
    "[ÂÃ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
    "|â€[\u0080-\u00bf™œ“”˜¦¢]"
    "|(?:[РС][°±Ііґµ¶·ё№є»јЅѕїЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—™љ›њќћџЎўЈ¤Ґ¦§Ё©Є«¬®Ї]){2}"
    "|(?:[ÐÑ][\u0080-\u00bf‚ƒ„…†‡ˆ‰Š‹Œ]){2}"
)


_LEADS = re.compile("[ÂÃâРСÐÑ]")  # with which each of them begins


class CharacterCounter:
    """Counts the characters of a text that comes in pieces."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.script_parts: list[tuple[int, Mapping[str, int]]] = []  # sizes, letters by script
        self.mojibake = 0  # places where UTF-8 seems to have been misread
        self.escapes = 0  # a backslash and n or t

    def add(self, text: str) -> None:
        """Count the characters of the next piece."""
        if text.isascii():
            found = np.bincount(np.frombuffer(text.encode(), np.uint8))
        else:
            data = text.encode("utf-32-le", "surrogatepass")
            found = np.bincount(np.frombuffer(data, np.uint32))
            self.mojibake += count_mojibake(text)
        if "\\" in text:
            self.escapes += text.count("\\n") + text.count("\\t")
        counts = {chr(code): int(found[code]) for code in np.flatnonzero(found)}
        self.counts.update(counts)
        self.script_parts.append((len(text), count_scripts(counts)))


def count_mojibake(text: str) -> int:
    """Return at how many places the pattern is found: ten times as fast as to look everywhere."""
    places = end = 0
    for lead in _LEADS.finditer(text):
        if lead.start() >= end and (found := MOJIBAKE.match(text, lead.start())):
            places, end = places + 1, found.end()
    return places


def scripts_in_slices(
    parts: Sequence[tuple[int, Mapping[str, int]]], slices: int
) -> tuple[str, ...]:
    """Return the most frequent script in each slice, "" without letters; none of too few parts."""
    total = sum(size for size, _ in parts)
    if len(parts) < slices:
        return ()
    counts: list[Counter[str]] = [Counter() for _ in range(slices)]
    start = 0
    for size, scripts in parts:
        counts[min(slices - 1, (2 * start + size) * slices // (2 * total))].update(scripts)
        start += size
    return tuple(max(each, key=each.__getitem__, default="") for each in counts)


def utf8_size(characters: Counter[str]) -> int:
    """Return how many bytes the characters take in UTF-8."""
    return sum(
        count * len(character.encode("utf-8", "surrogatepass"))
        for character, count in characters.items()
    )
