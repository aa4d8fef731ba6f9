"""Cuts a long text into pieces that can be cleaned one by one, as if the text were whole.

No step of cleaning looks past the start of a run of spaces and line ends: there, no letters
compose, and no run of spaces, word or CRLF is split. Texts are cut there, if possible after a line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from textgen_core.corpus.documents import Piece

PIECE = 1 << 20  # characters
SPACE = " \t\n\r"
SEARCHED = 256  # characters at the end of a text without spaces
JOINED_JAMO = range(0x1160, 0x1200)  # vowels and finals, which compose with what is before them


def cut_pieces(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the documents of `pieces` again, in pieces of about `PIECE` characters."""
    held = ""
    for piece in pieces:
        if piece.ends_document:
            yield Piece(held + piece.text, True) if held else piece
            held = ""
            continue
        held += piece.text
        while len(held) > PIECE and (cut := place_to_cut(held)):
            yield Piece(held[:cut], False)
            held = held[cut:]


def place_to_cut(text: str) -> int:
    """Return the best place for a cut inside `text`, or 0 if it has to grow for one.

    Before the last run of spaces that holds a line end, else before the last run; in a text that
    has none but at its start, inside that run or between two characters that do not touch.
    """
    for spaces in ("\n", " \t\r"):
        last = max(text.rfind(space) for space in spaces)
        if last >= 0 and (cut := len(text[:last].rstrip(SPACE))):
            return cut
    spaces_before = len(text) - len(text.lstrip(SPACE))
    if spaces_before > len(text) // 2:
        cut = spaces_before - 1
        return cut - (text[cut - 1 : cut + 1] == "\r\n")
    return _hard_cut(text, spaces_before + 1)


def _hard_cut(text: str, first: int) -> int:
    """Return a place from `first` on: between ASCII letters or digits, else before no mark."""
    nearest = range(len(text) - 1, max(first, len(text) - SEARCHED) - 1, -1)
    for place in nearest:
        pair = text[place - 1 : place + 1]
        if pair.isascii() and pair.isalnum():
            return place
    for place in nearest:
        joins_before = unicodedata.category(text[place])[0] in "MCP"
        if not (joins_before or ord(text[place]) in JOINED_JAMO):
            return place
    return nearest.start if nearest else 0
