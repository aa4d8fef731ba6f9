"""The four tokens that every tokenizer of textgen begins with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tokenizers

UNKNOWN = "<UNK>"
SPECIAL_TOKENS = ("<PAD>", UNKNOWN, "<START>", "<END>")  # ids 0 to 3


def number_tokens(ordinary: Iterable[str]) -> dict[str, int]:
    """Return a vocabulary of the special tokens, then `ordinary` in its order."""
    return {token: number for number, token in enumerate((*SPECIAL_TOKENS, *ordinary))}


def declare_special_tokens(tokenizer: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """Declare the special tokens, whose names in a text are ordinary text; return `tokenizer`."""
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.encode_special_tokens = True
    return tokenizer
