"""What a text costs under a model, block by block of its bytes: alike for every tokenizer.

A token's bits lie evenly on the bytes that it stands for, so that one across the border of two
blocks counts in both. The sum over the blocks is what `figures.bits_per_byte` divides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
import tokenizers

from textgen_core.data.text_input import TextInput
from textgen_core.data.tokenizer import END, START, UNK

BLOCK = 2000  # bytes: in shorter ones, the differences of neighbours are too much alike
FEWEST = 30  # blocks; those of a shorter text are shorter


@attrs.frozen(kw_only=True, eq=False)
class PlacedTokens:
    """The tokens of a text, as a token file has them, and where in its bytes they end.

    token_ids: int32 `(tokens + 1,)`, `<START>` first. ends: int64 `(tokens,)`, bytes of the joined
    documents up to the end of each scored token. hidden: float64 `(tokens,)`, the bytes that
    `<UNK>` hides. size: bytes of the whole.
    """

    token_ids: np.ndarray
    ends: np.ndarray
    hidden: np.ndarray
    size: int


def place_tokens(documents: Sequence[str], tokenizer: tokenizers.Tokenizer) -> PlacedTokens:
    """Return the tokens of cleaned documents, `<END>` between them, with their places."""
    reader = TextInput(tokenizer)  # they are cleaned already
    token_ids, ends, hidden, size = [START], [np.zeros(0, np.int64)], [np.zeros(0)], 0
    for number, document in enumerate(documents):
        if number:
            token_ids.append(END)
            ends.append(np.array([size]))
            hidden.append(np.zeros(1))
        read, offsets = reader.read(document), _byte_offsets(document)
        spans = np.array(read.spans, np.int64).reshape(-1, 2)
        own = np.maximum.accumulate(offsets[spans[:, 1]])
        if len(own):
            own[-1] = offsets[-1]  # what follows it, no token stands for
        token_ids += read.token_ids
        is_unknown = np.array(read.token_ids, np.int64) == UNK
        ends.append(size + own)
        hidden.append(np.where(is_unknown, offsets[spans[:, 1]] - offsets[spans[:, 0]], 0.0))
        size += int(offsets[-1])
    return PlacedTokens(
        token_ids=np.array(token_ids, np.int32),
        ends=np.concatenate(ends),
        hidden=np.concatenate(hidden),
        size=size,
    )


def block_borders(size: int, block: int = BLOCK) -> np.ndarray:
    """Return where blocks of about `block` bytes begin and end in `size` bytes, `(blocks + 1,)`."""
    blocks = max(size // block, min(FEWEST, size))
    return np.linspace(0, size, blocks + 1).round().astype(np.int64)


def bits_by_block(placed: PlacedTokens, losses: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """Return the bits of each block, float64 `(blocks,)`.

    losses: `(tokens,)` in nats. A byte that `<UNK>` hides costs 8 bits more.
    """
    costs = losses.astype(np.float64) / math.log(2) + 8 * placed.hidden
    spent = np.concatenate([[0.0], np.cumsum(costs)])
    at_borders = np.interp(borders, np.concatenate([[0], placed.ends]), spent)
    at_borders[0] = 0.0  # a token that adds no byte may stand there
    bits: np.ndarray = np.diff(at_borders)
    return bits


def _byte_offsets(text: str) -> np.ndarray:
    """Return the bytes of UTF-8 before each character and after the last, int64."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    sizes = 1 + (codes > 0x7F).astype(np.int64) + (codes > 0x7FF) + (codes > 0xFFFF)
    return np.concatenate([[0], np.cumsum(sizes)])
