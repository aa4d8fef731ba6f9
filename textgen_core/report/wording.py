"""Numbers and texts as the page shows them: a dash for what is missing, long texts cut."""

from __future__ import annotations

import re
import unicodedata

from textgen_core.formatting import format_duration, format_size

MISSING = "–"

# Control characters but tab and line feed, and what UTF-8 or XML cannot hold.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def show_count(value: float | None) -> str:
    """Return a whole number with its thousands apart."""
    return MISSING if value is None else _minus(f"{round(value):,}")


def show_figure(value: float | None, digits: int | None = None) -> str:
    """Return a figure with `digits` after the point; without, as many as it deserves."""
    if value is None:
        return MISSING
    if digits is None:
        if float(value).is_integer() and abs(value) < 1e15:
            return show_count(value)
        size = abs(value)
        digits = 1 if size >= 100 else 2 if size >= 10 else 3
        if size < 0.001:
            return _minus(f"{value:.2g}")
    if abs(value) >= 1e9:
        return _minus(f"{value:.3g}")
    return _minus(f"{value:,.{digits}f}")


def show_percent(share: float | None) -> str:
    """Return a share as percent."""
    return MISSING if share is None else f"{100 * share:.{0 if share >= 0.1 else 1}f} %"


def show_short(value: float | None) -> str:
    """Return a number that fits a label: 950, 12k, 1.2M."""
    if value is None:
        return MISSING
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= (10 * size if letter == "k" else size):
            return _minus(f"{value / size:.3g}{letter}")
    return _minus(f"{value:,.6g}")


def show_size(size: float | None) -> str:
    """Return a number of bytes."""
    return MISSING if size is None else format_size(size)


def show_duration(seconds: float | None) -> str:
    """Return a time in its two largest units."""
    return MISSING if seconds is None else format_duration(seconds)


def show_moment(moment: str | None) -> str:
    """Return an ISO date and time without its letters."""
    return MISSING if moment is None else moment.replace("T", " ").replace("+00:00", " UTC")


def showable(text: str) -> str:
    """Return a text with a replacement character for each that no page can show."""
    return _UNSHOWABLE.sub("\ufffd", text)


def sentence_case(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def cut(text: str, characters: int) -> str:
    """Return a text, or its beginning and an ellipsis."""
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def cut_to_width(text: str, width: int) -> str:
    """Return what fits into `width` Latin letters; a wide character takes the space of two."""
    used = 0
    for place, character in enumerate(text):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > width:
            return text[: max(0, place - 1)].rstrip() + "…"
    return text


def _minus(number: str) -> str:
    return number.replace("-", "\u2212", 1) if number.startswith("-") else number
