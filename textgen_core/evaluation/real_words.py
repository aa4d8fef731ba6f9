"""How many of the words that a model writes are words of its training text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[^\W\d_]{4,}")  # shorter ones are met by chance
_LEAST = 20  # words, from which a share says anything
_LOOKED_AT = 5_000_000  # characters of the training text


def share_real_words(samples: Sequence[str], training_text: Iterable[str]) -> float | None:
    """Return the share of the samples' words of four letters or more that are real ones.

    The first and last word of a sample may be cut off and do not count. None where there are too
    few words, as in a script that has none so long.
    """
    words = [word for text in samples for word in _WORD.findall(text)[1:-1]]
    if len(words) < _LEAST:
        return None
    unknown, left = set(words), _LOOKED_AT
    for piece in training_text:
        unknown.difference_update(_WORD.findall(piece))
        left -= len(piece)
        if left <= 0 or not unknown:
            break
    if left == _LOOKED_AT:  # there is no training text at hand
        return None
    return sum(word not in unknown for word in words) / len(words)
