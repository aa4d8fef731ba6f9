"""Bars, shades and labels made of characters, cut to a number of the terminal's cells.

A wide character, as in Chinese, takes two cells.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SHADES = "·░▒▓█"
_PLAIN_SHADES = ".-+*#"  # for an encoding without blocks


def has_blocks(console: Console) -> bool:
    """Return whether the output's encoding has block characters."""
    try:
        (_EIGHTHS + _SHADES).encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def bar(share: float, width: int, *, blocks: bool = True) -> str:
    """Return a bar for a share, clipped to 0 to 1, padded to `width` cells."""
    eighths = round(8 * width * min(1.0, max(0.0, share)))
    whole, rest = divmod(eighths, 8)
    if not blocks:
        return ("#" * round(eighths / 8)).ljust(width)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


def shade(share: float, levels: Sequence[float], *, blocks: bool = True) -> str:
    """Return the shade of a share: the lightest below levels[0], the darkest from levels[3]."""
    shades = _SHADES if blocks else _PLAIN_SHADES
    return shades[sum(share >= level for level in levels)]


def label(text: str, width: int, *, right: bool = False) -> str:
    """Return a text cut or padded to `width` cells; `right` pads it on the left."""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, max(0, width - 1)) + "~" * min(1, width)
    return " " * (width - size) + text if right else text + " " * (width - size)


def label_width(texts: Sequence[str], most: int) -> int:
    """Return the width of the longest text in cells, between 4 and `most`."""
    return max(4, min(most, max((cell_len(each) for each in texts), default=0)))
