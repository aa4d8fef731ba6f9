"""Sizes, durations, counts and untrusted text, formatted for people."""

from __future__ import annotations

import re
import unicodedata

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_UNPRINTABLE = {"Cc", "Cs"}  # control characters, and halves of a surrogate pair
_LINE_BREAKS = "\u2028\u2029"


def format_size(size: float) -> str:
    """Return a number of bytes: `800 bytes`, `12.5 kB`, `340 MB`, `1.2 GB`."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.{1 if size < 100 * unit else 0}f} {name}"
    return f"{size:.0f} bytes"


def format_duration(seconds: float) -> str:
    """Return a time in its two largest units: `45 s`, `3 min 20 s`, `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 line`, `2,000 lines`; `plural` where no s makes it."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def printable(text: str, *, keep: str = "\n\t") -> str:
    """Return a text with nothing in it that would move or colour a terminal.

    Args:
        text: what another program, a file or a model wrote.
        keep: control characters that may stay, "" for a text that must be one line.

    Returns:
        The text without colours, and U+FFFD in place of each control character.
    """
    plain = _COLOUR.sub("", text)
    if plain.isprintable():
        return plain
    return "".join(
        each if each in keep or not _moves(each, keep) else "\N{REPLACEMENT CHARACTER}"
        for each in plain
    )


def _moves(character: str, keep: str) -> bool:
    breaks_a_line = character in _LINE_BREAKS and "\n" not in keep
    return breaks_a_line or unicodedata.category(character) in _UNPRINTABLE
