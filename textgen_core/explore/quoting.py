"""A token as a person is shown it. This module is light, and knows nothing about tokenizers."""

from __future__ import annotations

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quoted(token: str) -> str:
    """Return a token's text between quotes, what cannot be printed as escapes.

    So spaces are seen, a line end does not break the line, and nothing moves a terminal.
    """
    return '"' + "".join(_shown(each) for each in token) + '"'


def _shown(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
