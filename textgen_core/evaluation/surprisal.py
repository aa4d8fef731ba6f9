"""How surprised a model was by each token of a text.

The pieces of text joined are the text, whatever a tokenizer makes of it. This module knows nothing
about models: it is given the losses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import tokenizers

from textgen_core.data.tokenizer import END
from textgen_core.evaluation.figures import Figures


@attrs.frozen(kw_only=True)
class ScoredToken:
    """A token and its loss in nats.

    text: the stretch of the scored text that it stands for: empty for a token in the middle of a
    character, and for the one between two documents.
    """

    token_id: int
    text: str
    loss: float

    @property
    def bits(self) -> float:
        """The surprise in bits."""
        return self.loss / math.log(2)


@attrs.frozen(kw_only=True)
class ScoredText:
    """A text token by token, and the figures of the whole."""

    name: str
    tokens: tuple[ScoredToken, ...]
    figures: Figures
    unknown_tokens: int

    def stretches(self) -> list[tuple[str, float]]:
        """Return the text piece by piece, with the surprise in bits of all the tokens of a piece.

        A character that takes several tokens, such as the bytes of an emoji, is one piece.
        """
        pieces: list[tuple[str, float]] = []
        for token in self.tokens:
            if token.text or token.token_id == END or not pieces:
                pieces.append((token.text, token.bits))
            else:
                text, bits = pieces[-1]
                pieces[-1] = (text, bits + token.bits)
        return pieces

    def as_json(self) -> dict[str, Any]:
        """Return plain values; losses in nats."""
        return {
            "file": self.name,
            "tokens": len(self.tokens),
            "unknown_tokens": self.unknown_tokens,
            "loss": self.figures.loss,
            "perplexity": self.figures.perplexity,
            "bits_per_byte": self.figures.bits_per_byte,
            "scored": [attrs.asdict(each) for each in self.tokens],
        }


def pieces_of_documents(
    documents: Sequence[str], tokenizer: tokenizers.Tokenizer
) -> list[tuple[int, str]]:
    """Return id and text of every token, `<END>` between documents: as a token file has them."""
    pieces: list[tuple[int, str]] = []
    for number, document in enumerate(documents):
        if number:
            pieces.append((END, ""))
        pieces += _pieces(document, tokenizer)
    return pieces


def _pieces(document: str, tokenizer: tokenizers.Tokenizer) -> list[tuple[int, str]]:
    encoding = tokenizer.encode(document, add_special_tokens=False)
    pieces, done = [], 0
    for token_id, (_, end) in zip(encoding.ids, encoding.offsets, strict=True):
        end = max(end, done)
        pieces.append((token_id, document[done:end]))
        done = end
    if pieces and done < len(document):  # spaces that no token stands for
        token_id, text = pieces[-1]
        pieces[-1] = (token_id, text + document[done:])
    return pieces


def scored_tokens(pieces: Sequence[tuple[int, str]], losses: np.ndarray) -> tuple[ScoredToken, ...]:
    """Return the tokens of `pieces` with their losses, float `(tokens,)` in nats."""
    return tuple(
        ScoredToken(token_id=token_id, text=text, loss=float(loss))
        for (token_id, text), loss in zip(pieces, losses, strict=True)
    )
