"""What is found in a model, as values: for a terminal, for JSON, for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from textgen_core.explore.words import Word


@attrs.frozen(kw_only=True)
class Neighbour:
    """A token near to what was looked for; similarity: the cosine of the angle between them."""

    token: str
    token_id: int
    similarity: float


@attrs.frozen(kw_only=True)
class Neighbours:
    """A word, and the tokens nearest to it, the nearest first."""

    word: Word
    neighbours: tuple[Neighbour, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "word": self.word.text,
            "tokens": list(self.word.tokens),
            "token_ids": list(self.word.token_ids),
            "neighbours": [attrs.asdict(each) for each in self.neighbours],
        }


@attrs.frozen(kw_only=True)
class Analogy:
    """Three words, and the tokens that fit best: first is to second as third is to the answer."""

    words: tuple[Word, ...]
    answers: tuple[Neighbour, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "words": [each.text for each in self.words],
            "tokens": [list(each.tokens) for each in self.words],
            "answers": [attrs.asdict(each) for each in self.answers],
        }


@attrs.frozen(kw_only=True)
class Attention:
    """How much each token of a text attends to those before it and to itself.

    tokens: their texts, `<START>` first unless the beginning is left out; shares: float32
    `(layers, heads, time, time)`, `shares[..., i, j]` that of token j in what token i takes in;
    left_out: how many tokens at the beginning did not fit into the model's context.
    """

    text: str
    token_ids: tuple[int, ...]
    tokens: tuple[str, ...]
    shares: np.ndarray = attrs.field(eq=False)
    left_out: int
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # how the text was cleaned

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return int(self.shares.shape[0])

    @property
    def heads(self) -> int:
        """How many heads each layer has."""
        return int(self.shares.shape[1])

    def as_json(
        self, layers: Sequence[int] | None = None, heads: Sequence[int] | None = None
    ) -> dict[str, Any]:
        """Return plain values of these layers and heads, counted from 1; None: of all."""
        of_layers = list(layers or range(1, self.layers + 1))
        of_heads = list(heads or range(1, self.heads + 1))
        chosen = self.shares[np.ix_(np.array(of_layers) - 1, np.array(of_heads) - 1)]
        return {
            "text": self.text,
            "left_out": self.left_out,
            "tokens": list(self.tokens),
            "token_ids": list(self.token_ids),
            "layers": of_layers,
            "heads": of_heads,
            "attention": np.round(chosen.astype(np.float64), 6).tolist(),
        }


@attrs.frozen(kw_only=True)
class Choice:
    """A token that may come next."""

    token: str
    token_id: int
    probability: float


@attrs.frozen(kw_only=True)
class AtTemperature:
    """What may come next at a temperature, the most probable first.

    entropy: of the whole distribution, in bits; choices: 2 ** entropy.
    """

    temperature: float
    entropy: float
    choices: float
    tokens: tuple[Choice, ...]


@attrs.frozen(kw_only=True)
class NextToken:
    """What may come after a text, at each temperature; left_out: as in Attention."""

    text: str
    left_out: int
    temperatures: tuple[AtTemperature, ...]
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # how the text was cleaned

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "text": self.text,
            "left_out": self.left_out,
            "temperatures": [attrs.asdict(each) for each in self.temperatures],
        }
