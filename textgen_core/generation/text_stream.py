"""The text of tokens that arrive a few at a time.

Pieces joined are the whole text: a character whose bytes are spread over tokens is held back until
it is complete, and a decoder that puts spaces between words sees the tokens before.
"""

from __future__ import annotations

from collections.abc import Sequence

import tokenizers

INCOMPLETE = (
    "\N{REPLACEMENT CHARACTER}"  # what decoders write for bytes that are no character (yet)
)
CONTEXT = 16  # tokens before the new ones that are decoded along, so that words are joined rightly


class TextStream:
    """Decodes what follows a prompt, piece by piece."""

    def __init__(self, tokenizer: tokenizers.Tokenizer, prompt_token_ids: Sequence[int]) -> None:
        """Begin after a prompt, whose own text is never returned."""
        self._tokenizer = tokenizer
        self._window = list(prompt_token_ids[-CONTEXT:])
        self._shown = len(self._decode())  # characters of the window's text that are done with

    def push(self, token_ids: Sequence[int]) -> str:
        """Return the text that is complete, now that these tokens have arrived."""
        self._window += token_ids
        text = self._decode()
        ready = len(text.rstrip(INCOMPLETE))
        piece = text[self._shown : ready]
        self._shown = max(self._shown, ready)
        if ready == len(text):
            self._window = self._window[-CONTEXT:]
            self._shown = len(self._decode())
        return piece

    def finish(self) -> str:
        """Return the rest, now that no more tokens come."""
        text = self._decode()
        piece = text[self._shown :]
        self._shown = len(text)
        return piece

    def _decode(self) -> str:
        return str(self._tokenizer.decode(self._window, skip_special_tokens=True))
