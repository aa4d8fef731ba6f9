"""What reading, cleaning and analysis agree on: blank text, line ends, surrogates, words."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from operator import ne


def is_blank(text: str) -> bool:
    """Return whether `text` holds nothing but whitespace."""
    return not text or text.isspace()


def fold_newlines(text: str) -> tuple[str, int]:
    """Fold CRLF and CR into LF; return how many were folded."""
    if "\r" not in text:
        return text, 0
    pairs, returns = text.count("\r\n"), text.count("\r")
    folded = text.replace("\r\n", "\n")
    return (folded if pairs == returns else folded.replace("\r", "\n")), returns


def change_lines(text: str, change: Callable[[str], str]) -> tuple[str, int]:
    """Change each line of `text` by itself; return how many of them that changed."""
    lines = text.split("\n")
    changed = list(map(change, lines))
    return "\n".join(changed), sum(map(ne, lines, changed))


def replace_surrogates(text: str) -> tuple[str, int]:
    """Replace lone surrogates, which no encoding can save, by U+FFFD; return how many."""
    try:
        text.encode()  # twenty times as fast as the pattern
    except UnicodeEncodeError:
        return re.subn("[\ud800-\udfff]", "\ufffd", text)
    return text, 0


@cache
def word_pattern() -> re.Pattern[str]:
    r"""Return the pattern of a word: letters, digits and marks, joined by an apostrophe or hyphen.

    `\w` lacks the combining marks, without which the words of Hindi, say, would fall apart, and the
    joiners inside Persian ones. A set of `\w` and those marks is searched from end to end for every
    space; one of characters alone is a bitmap, and fifty times as fast. Beyond the first plane all
    but pictographs count as letters.
    """
    letters = _ranges(
        code
        for code in range(0x10000)
        if chr(code).isalnum() or unicodedata.category(chr(code)) in ("Mn", "Mc", "Pc")
    )
    letter = rf"[{letters}\u200c\u200d\U00010000-\U0001EFFF\U00020000-\U0003FFFF]"
    return re.compile(rf"{letter}++(?:['’‐-]{letter}++)*+")


def _ranges(codes: Iterable[int]) -> str:
    """Return ascending code points as the inside of a character set."""
    groups = itertools.groupby(enumerate(codes), lambda place: place[1] - place[0])
    runs = ([code for _, code in group] for _, group in groups)
    return "".join(f"\\u{run[0]:04x}-\\u{run[-1]:04x}" for run in runs)
