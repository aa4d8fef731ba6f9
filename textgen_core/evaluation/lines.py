"""Held-out text with the losses of its tokens, and the lines that cost the most.

This module knows nothing about models.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tokenizers

from textgen_core.corpus import iterate_pieces
from textgen_core.data.tokenizer import END, UNK
from textgen_core.evaluation.surprisal import pieces_of_documents

_READ = 300_000  # characters of the held-out text that are looked at
_LEAST_BYTES = 20  # of a line that counts
_LONGEST_LINE = 300  # characters that are kept of it
_LINES = 10


def read_lines(
    documents: Sequence[str],
    tokenizer: tokenizers.Tokenizer,
    token_ids: np.ndarray,
    losses: np.ndarray,
) -> list[dict[str, Any]]:
    """Return the lines that cost the most bits for a byte, the worst first, each text once.

    Of the first 300,000 characters; a line counts from 20 bytes on. `<UNK>` pays for the bytes that
    it hides.
    """
    scored = _scored_lines(documents, tokenizer, token_ids, losses)
    lines = sorted(scored, key=lambda line: -line["bits_per_byte"])
    worst: dict[str, dict[str, Any]] = {}
    for line in lines:
        if math.isfinite(line["bits_per_byte"]):
            worst.setdefault(line["text"], line)
        if len(worst) == _LINES:
            break
    return list(worst.values())


def _scored_lines(
    documents: Sequence[str],
    tokenizer: tokenizers.Tokenizer,
    token_ids: np.ndarray,
    losses: np.ndarray,
) -> Iterator[dict[str, Any]]:
    text, tokens, nats, hidden = "", 0, 0.0, 0
    for token_id, piece, loss in align(documents, tokenizer, token_ids, losses):
        begins = piece.lstrip("\n")
        if begins and begins != piece:  # the line ends of a token that belongs to the next line
            yield from _scored_line(text + piece.removesuffix(begins), tokens, nats, hidden)
            text, tokens, nats, hidden, piece = "", 0, 0.0, 0, begins
        tokens, nats = tokens + 1, nats + loss
        hidden += len(piece.encode("utf-8", "surrogatepass")) if token_id == UNK else 0
        text += piece
        if "\n" in piece or token_id == END:
            yield from _scored_line(text, tokens, nats, hidden)
            text, tokens, nats, hidden = "", 0, 0.0, 0
    yield from _scored_line(text, tokens, nats, hidden)


def _scored_line(text: str, tokens: int, nats: float, hidden: int) -> Iterator[dict[str, Any]]:
    size = len(text.encode("utf-8", "surrogatepass"))
    shown = text.strip()
    if size >= _LEAST_BYTES and shown:
        bits = nats / math.log(2) + 8 * hidden
        shown = shown if len(shown) <= _LONGEST_LINE else shown[: _LONGEST_LINE - 1] + "…"
        yield {"text": shown, "tokens": tokens, "bits_per_byte": bits / size}


def align(
    documents: Sequence[str],
    tokenizer: tokenizers.Tokenizer,
    token_ids: np.ndarray,
    losses: np.ndarray,
    most_characters: int = _READ,
) -> Iterator[tuple[int, str, float]]:
    """Yield id, text and loss of the tokens of the first `most_characters` of a split.

    The text is encoded again, and the tokens are followed as long as they are those of the split,
    int `(tokens,)` without `<START>`: near the cut a token may differ.
    """
    beginning: list[str] = []
    left = most_characters
    fresh = True
    for text, ends_document in iterate_pieces(documents):
        if fresh:
            beginning.append("")
        beginning[-1] += text[:left]
        left -= len(text)
        fresh = ends_document
        if left <= 0:
            break
    pieces = pieces_of_documents(beginning, tokenizer)
    for (token_id, text), true_id, loss in zip(pieces, token_ids, losses, strict=False):
        if token_id != true_id:
            return
        yield token_id, text, float(loss)
