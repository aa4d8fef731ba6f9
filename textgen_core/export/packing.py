"""Bytes as text: five characters for four bytes, where base64 needs five and a third.

The digits to the base 85 are the characters from `(` to `|`; `}` is in the place of `<`, which
could end the element of a page that holds them. The length comes first, in four bytes.
"""

from __future__ import annotations

import numpy as np

_BASE, _FIRST = 85, ord("(")
_FORBIDDEN, _INSTEAD = ord("<"), ord("}")
_POWERS = np.array([_BASE**power for power in (4, 3, 2, 1, 0)], np.uint32)


def to_text(data: bytes) -> str:
    """Return bytes as text."""
    padded = len(data).to_bytes(4, "big") + data + bytes(-len(data) % 4)
    words = np.frombuffer(padded, ">u4").astype(np.uint32)
    digits = words[:, np.newaxis] // _POWERS % _BASE
    characters = (digits + _FIRST).astype(np.uint8)
    characters[characters == _FORBIDDEN] = _INSTEAD
    return characters.tobytes().decode("ascii")


def from_text(text: str) -> bytes:
    """Return the bytes of a text that `to_text` has made."""
    characters = np.frombuffer(text.encode("ascii"), np.uint8).copy()
    characters[characters == _INSTEAD] = _FORBIDDEN
    digits = characters.reshape(-1, 5).astype(np.uint32) - _FIRST
    data: bytes = (digits * _POWERS).sum(axis=1, dtype=np.uint32).astype(">u4").tobytes()
    return data[4 : 4 + int.from_bytes(data[:4], "big")]
