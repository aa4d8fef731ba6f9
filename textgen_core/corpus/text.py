"""What reading, cleaning and analysis agree on: blank text, line ends, surrogates, words."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from operator import ne

from textgen_core.components.words import letter_pattern


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
    """Return the pattern of a word: letters, digits, marks; an apostrophe or hyphen joins them."""
    letter = letter_pattern()
    return re.compile(rf"{letter}++(?:['’‐-]{letter}++)*+")
