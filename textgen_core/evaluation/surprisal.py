"""How much a model was surprised by each token of a text, and the scale that shows it.

Loads no tokenizer, so that a report can use the scale.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable
from typing import Any

import attrs

from textgen_core.evaluation.figures import Figures
from textgen_core.formatting import say
from textgen_core.formatting.html import as_html

# Bits between the levels of the colour scale: one is the toss of a coin, eleven one chance in 2048.
LIMITS = (1, 2, 4, 7, 11)
LEVEL_NAMES = (
    f"under {LIMITS[0]}",
    *(f"{low}\u2013{high}" for low, high in itertools.pairwise(LIMITS)),
    f"over {LIMITS[-1]}",
)

# In a notebook, a ground for each level that is as strong in the light as in the dark.
_GROUND = "rgb(225 110 20 / {}%)"
_DEPTHS = (0, 12, 24, 36, 50, 66)
_BLOCK = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.7"


def level_of(bits: float) -> int:
    """Return the level of a surprisal on the colour scale, from 0 (expected) to 5."""
    return bisect.bisect_right(LIMITS, bits)


@attrs.frozen(kw_only=True)
class ScoredToken:
    """A token and its loss in nats.

    text: the part of the scored text that it stands for: empty for a token in the middle of a
    character, and for the one between two documents.
    """

    token_id: int
    text: str
    loss: float

    @property
    def bits(self) -> float:
        """The surprisal in bits."""
        return self.loss / math.log(2)


@attrs.frozen(kw_only=True)
class ScoredText:
    """A text token by token, and the figures of the whole."""

    name: str
    tokens: tuple[ScoredToken, ...]
    figures: Figures
    unknown_tokens: int
    notes: tuple[str, ...] = ()  # what reading and cleaning changed

    def spans(self) -> list[tuple[str, float]]:
        """Return the text span by span, with the surprisal in bits of all the tokens of a span.

        A character that takes several tokens, such as the bytes of an emoji, is one span.
        """
        return join_characters(self.tokens)

    def _repr_html_(self) -> str:
        spans = "".join(_span(text, bits) for text, bits in self.spans())
        bits, tokens = self.figures.bits_per_byte, self.figures.tokens
        figures = say("{tokens:,} tokens, {bits:.3f} bits per byte", tokens=tokens, bits=bits)
        return f'<div style="{_BLOCK}">{spans}</div><p>{as_html(figures)}</p>'

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


def _span(text: str, bits: float) -> str:
    ground = _GROUND.format(_DEPTHS[level_of(bits)])
    return f'<span title="{bits:.2f} bits" style="background:{ground}">{as_html(text)}</span>'


def join_characters(tokens: Iterable[ScoredToken]) -> list[tuple[str, float]]:
    """Return text and bits of the tokens, those of one character as one; `<END>` stays alone."""
    from textgen_core.data.tokenizer import END

    spans: list[tuple[str, float]] = []
    for token in tokens:
        if token.text or token.token_id == END or not spans:
            spans.append((token.text, token.bits))
        else:
            text, bits = spans[-1]
            spans[-1] = (text, bits + token.bits)
    return spans
