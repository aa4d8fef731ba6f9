"""How a text of any script falls into words and marks, and which script a letter is of.

By the characters alone: no dictionary, no model's tokens, no language that would have to be known.
Where spaces separate words, a word is a run of letters, digits and marks. Chinese characters stand
for themselves; Japanese kana come in short runs that end with a particle; in the scripts of Thai,
Lao, Khmer and Burmese a unit is about a syllable. Wherever a phrase is repeated its units are the
same, so a loop shows in any language.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

LONG_WORD = 40  # characters: a longer run of letters is no word, and is cut in pieces
PIECE = 4
KANA = 0.1  # share of the letters from which on a text with Chinese characters is Japanese
JAPANESE = ("Hiragana", "Katakana")

# Kana that end a word more often than they stand inside one: は が を に へ と で も の.
_PARTICLES = "はがをにへとでもの"
_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u309f"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
# Of Thai, Lao, Khmer and Burmese: vowels written before their consonant; what follows one; what
# stacks the next consonant below it. Everything else is a consonant, or a vowel of its own.
_LEADING = "\u0e40-\u0e44\u0ec0-\u0ec4"
_STACKING = "\u1039\u17d2"
_FOLLOWING = (
    "\u0e2f-\u0e3a\u0e45-\u0e4e\u0eb0-\u0ebc\u0ec6-\u0ece\u102b-\u1038\u103a-\u103e\u1056-\u1059"
    "\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u17b4-\u17d1\u17d3\u17dd"
)
_SYLLABIC = "\u0e01-\u0e2e\u0e81-\u0eae\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u1780-\u17b3"
_SEPARATORS = "\u0f0b\u0f0c\u1361"  # between the words of Ethiopic, the syllables of Tibetan

# The first word of a character's Unicode name is its script, but for these.
_NAMED_OTHERWISE = {
    **dict.fromkeys(("CJK", "IDEOGRAPHIC"), "Han"),
    **dict.fromkeys(("MICRO", "OHM"), "Greek"),
    **dict.fromkeys(("FEMININE", "MASCULINE", "KELVIN", "ANGSTROM"), "Latin"),
    **dict.fromkeys(("MATHEMATICAL", "DOUBLE-STRUCK", "SCRIPT", "BLACK-LETTER"), "Symbols"),
    "MODIFIER": "Symbols",
}
_SCRIPTS_OF_TWO_WORDS = ("OLD", "NEW", "LINEAR", "TAI")


def split_words(text: str) -> list[str]:
    """Return the words and punctuation marks of a text, in their order."""
    units = [match.group() for match in _units().finditer(text)]
    if max(map(len, units), default=0) <= LONG_WORD:
        return units
    return [text[start:stop] for start, stop in word_spans(text)]


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where each word or mark of a text begins and ends; a line of dashes is one mark."""
    spans: list[tuple[int, int]] = []
    for match in _units().finditer(text):
        start, stop = match.span()
        if stop - start > LONG_WORD and match.lastgroup != "mark":
            spans += [(at, min(at + PIECE, stop)) for at in range(start, stop, PIECE)]
        else:
            spans.append((start, stop))
    return spans


def main_script(texts: Iterable[str]) -> str:
    """Return the script of most letters; "" if there are none, Hiragana if the text is Japanese."""
    return script_of_most(count_scripts(Counter(itertools.chain.from_iterable(texts))))


def script_of_most(scripts: Mapping[str, int]) -> str:
    """Return the script of most letters, by how many letters are of each."""
    script = max(scripts, key=scripts.__getitem__, default="")
    kana = sum(scripts.get(name, 0) for name in JAPANESE)
    if script == "Katakana" or (script == "Han" and kana > KANA * sum(scripts.values())):
        return JAPANESE[0]
    return script


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
    if words[0] in _SCRIPTS_OF_TWO_WORDS:
        return " ".join(words[:2]).title()
    return _NAMED_OTHERWISE.get(words[0], words[0].capitalize())


@cache
def letter_pattern() -> str:
    r"""Return the pattern of a character of words: a letter, a digit, or a mark that joins them.

    `\w` lacks the combining marks, without which the words of Hindi, say, would fall apart, and the
    joiners inside Persian ones. A set of `\w` and those marks is searched from end to end for every
    space; one of characters alone is a bitmap, and fifty times as fast. Beyond the first plane all
    but pictographs count as letters.
    """
    return rf"[{_ranges(_letters())}\u200c\u200d\U00010000-\U0001EFFF\U00020000-\U0003FFFF]"


@cache
def _units() -> re.Pattern[str]:
    """Return the pattern of a unit; a mark is the group of that name, repeated as it stands."""
    alone = re.compile(
        f"[{_HAN}{_HIRAGANA}{_KATAKANA}{_SYLLABIC}{_LEADING}{_FOLLOWING}{_STACKING}]"
    )
    spaced = _ranges(code for code in _letters() if not alone.match(chr(code)))
    kana = rf"(?![{_PARTICLES}])[{_HIRAGANA}]"
    stacked = rf"[{_STACKING}][{_SYLLABIC}]"
    last = rf"[{_SYLLABIC}](?![{_FOLLOWING}{_STACKING}])"  # a consonant that ends a syllable
    return re.compile(
        rf"[{spaced}\u200c\u200d\U00010000-\U0001EFFF]+"
        rf"|[{_HAN}]"
        rf"|(?:{kana}){{0,5}}[{_PARTICLES}]|(?:{kana}){{1,6}}"
        rf"|[{_KATAKANA}]+"
        rf"|[{_LEADING}]?[{_SYLLABIC}](?:{stacked}|[{_FOLLOWING}])*(?:{last}){{0,3}}"
        rf"|[{_LEADING}{_FOLLOWING}{_STACKING}]+"
        rf"|(?P<mark>([^\w\s{_SEPARATORS}])\2*)"
    )


def _letters() -> Iterator[int]:
    """Yield the code points of the first plane that are letters, digits or marks, in order."""
    for code in range(0x10000):
        if chr(code).isalnum() or unicodedata.category(chr(code)) in ("Mn", "Mc", "Pc"):
            yield code


def _ranges(codes: Iterable[int]) -> str:
    """Return ascending code points as the inside of a character set."""
    groups = itertools.groupby(enumerate(codes), lambda place: place[1] - place[0])
    runs = ([code for _, code in group] for _, group in groups)
    return "".join(f"\\u{run[0]:04x}-\\u{run[-1]:04x}" for run in runs)
