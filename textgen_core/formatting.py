"""Sizes, durations, counts and untrusted text, formatted for people."""

from __future__ import annotations

import re
import unicodedata

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_UNPRINTABLE = {"Cc", "Cs"}  # control characters, and halves of a surrogate pair


def format_size(size: float) -> str:
    """Return a number of bytes: `800 bytes`, `12.5 kB`, `340 MB`, `1.2 GB`."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.{1 if size < 100 * unit else 0}f} {name}"
    return f"{size:.0f} bytes"


def format_duration(seconds: float) -> str:
    """Return a time in its two largest units: `45 s`, `3 min 20 s`, `1 h 5 min`."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    named = [(hours, "h"), (minutes, "min")] if hours else [(minutes, "min"), (whole, "s")]
    return " ".join(f"{number:,} {unit}" for number, unit in named if number) or "0 s"


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 line`, `2,000 lines`; `plural` where no s makes it."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def printable(text: str, *, keep: str = "\n\t") -> str:
    """Return a text without colours, and U+FFFD in place of each control character.

    keep: control characters that may stay, "" for a text that must be one line.
    """
    breaks = "" if "\n" in keep else "\u2028\u2029"
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if each in breaks or (each not in keep and unicodedata.category(each) in _UNPRINTABLE)
        else each
        for each in _COLOUR.sub("", text)
    )
