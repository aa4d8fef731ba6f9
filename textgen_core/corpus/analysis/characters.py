"""The characters of a text: how often each occurs, of which scripts they are, which are wrong."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

REPLACEMENT = "\ufffd"
# UTF-8 that was read as Latin-1, Windows-1252 or Windows-1251: the first byte of a sequence as a
# letter, and the bytes after it as signs that hardly ever follow that letter.
MOJIBAKE = re.compile(
    "[ÂÃ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
    "|â€[\u0080-\u00bf™œ“”˜¦¢]"
    "|(?:[РС][°±Ііґµ¶·ё№є»јЅѕїЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—™љ›њќћџЎўЈ¤Ґ¦§Ё©Є«¬®Ї]){2}"
    "|(?:[ÐÑ][\u0080-\u00bf‚ƒ„…†‡ˆ‰Š‹Œ]){2}"
)
# The first word of a character's Unicode name is its script, but for these.
NAMED_OTHERWISE = {
    **dict.fromkeys(("CJK", "IDEOGRAPHIC"), "Han"),
    **dict.fromkeys(("MICRO", "OHM"), "Greek"),
    **dict.fromkeys(("FEMININE", "MASCULINE", "KELVIN", "ANGSTROM"), "Latin"),
    **dict.fromkeys(("MATHEMATICAL", "DOUBLE-STRUCK", "SCRIPT", "BLACK-LETTER"), "Symbols"),
    "MODIFIER": "Symbols",
}
OLD = ("OLD", "NEW", "LINEAR", "TAI")  # scripts of two words


class CharacterCounter:
    """Counts the characters of a text that comes in pieces."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.script_parts: list[tuple[int, Mapping[str, int]]] = []  # sizes, letters by script
        self.mojibake = 0  # places where UTF-8 seems to have been misread

    def add(self, text: str) -> None:
        """Count the characters of the next piece."""
        if text.isascii():
            found = np.bincount(np.frombuffer(text.encode(), np.uint8))
        else:
            data = text.encode("utf-32-le", "surrogatepass")
            found = np.bincount(np.frombuffer(data, np.uint32))
            self.mojibake += len(MOJIBAKE.findall(text))
        counts = {chr(code): int(found[code]) for code in np.flatnonzero(found)}
        self.counts.update(counts)
        self.script_parts.append((len(text), count_scripts(counts)))


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


def count_scripts(characters: Mapping[str, int]) -> dict[str, int]:
    """Return how many letters are of each script, the most frequent script first."""
    scripts: Counter[str] = Counter()
    for character, count in sorted(characters.items()):  # the order decides between equals
        if script := script_of(character):
            scripts[script] += count
    return dict(scripts.most_common())


@lru_cache(maxsize=1 << 16)
def script_of(letter: str) -> str:
    """Return the script of a letter, such as Han, by its Unicode name; "" of what is no letter."""
    if unicodedata.category(letter)[0] != "L":
        return ""
    words = unicodedata.name(letter, "UNKNOWN").replace("IDEOGRAPH-", "IDEOGRAPH ").split()
    if words[0] in ("FULLWIDTH", "HALFWIDTH"):
        words = words[1:]
    if words[0] in OLD:
        return " ".join(words[:2]).title()
    return NAMED_OTHERWISE.get(words[0], words[0].capitalize())


def utf8_size(characters: Counter[str]) -> int:
    """Return how many bytes the characters take in UTF-8."""
    return sum(
        count * len(character.encode("utf-8", "surrogatepass"))
        for character, count in characters.items()
    )
