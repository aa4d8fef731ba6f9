"""What the losses of a split come to: loss, perplexity, bits per byte, and how to read them."""

from __future__ import annotations

import math

import attrs
import numpy as np

# Upper bounds of perplexity, and what lies below each.
_READINGS = (
    (20.0, "the model knows this text well"),
    (50.0, "good for a small model"),
    (100.0, "the model has learnt the common patterns"),
    (math.inf, "the model is still unsure of most tokens"),
)
_WORDS = 1000  # a vocabulary of fewer tokens has no words to speak of


@attrs.frozen(kw_only=True)
class Figures:
    """The figures of a scored split: `loss` in nats per token; NaN where there is nothing."""

    tokens: int
    loss: float
    perplexity: float
    bits_per_byte: float


def measure_losses(losses: np.ndarray, text_bytes: int, unknown_bytes: int) -> Figures:
    """Return the figures of `losses`, float `(tokens,)` in nats, of a text of `text_bytes`.

    text_bytes: the UTF-8 bytes of the text scored; unknown_bytes: those hidden by `<UNK>`.
    """
    nats = float(np.sum(losses, dtype=np.float64))
    loss = nats / len(losses) if len(losses) else math.nan
    return Figures(
        tokens=len(losses),
        loss=loss,
        perplexity=perplexity(loss),
        bits_per_byte=bits_per_byte(nats, text_bytes, unknown_bytes),
    )


def perplexity(loss: float) -> float:
    """Return the exponential of a loss in nats per token; infinity where it overflows."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def bits_per_byte(nats: float, text_bytes: int, unknown_bytes: int = 0) -> float:
    """Return the bits that a byte of the text costs, or NaN if the text is empty.

    nats: the sum over the split's tokens. Each byte hidden by `<UNK>` pays 8 bits more, what it
    costs to write it out: a tokenizer gains nothing by not knowing a word.
    """
    if not text_bytes:
        return math.nan
    return (nats / math.log(2) + 8 * unknown_bytes) / text_bytes


def read_perplexity(value: float, vocabulary_size: int) -> str:
    """Return in a sentence what a perplexity says, beside that of guessing.

    Guessing among all tokens alike has the perplexity `vocabulary_size`. The bounds are those of
    words: smaller vocabularies, of characters or short pieces, get no such reading.
    """
    if math.isnan(value):
        return "No token was scored."
    guessing = f"guessing has {vocabulary_size} (a loss of {math.log(vocabulary_size):.2f})"
    if value >= vocabulary_size:
        return f"Perplexity {value:.1f}: no better than guessing; {guessing}."
    reading = reading_of(value, vocabulary_size)
    if not reading:
        return (
            f"Perplexity {value:.1f}, as unsure as among that many tokens, which are short ones: "
            f"compare bits per byte; {guessing}."
        )
    return f"Perplexity {value:.1f}, as unsure as among that many tokens: {reading}; {guessing}."


def reading_of(perplexity: float, vocabulary_size: int) -> str:
    """Return in words what a perplexity among words says; "" where tokens are shorter pieces."""
    if vocabulary_size < _WORDS:
        return ""
    return next((words for bound, words in _READINGS if perplexity < bound), _READINGS[-1][1])
