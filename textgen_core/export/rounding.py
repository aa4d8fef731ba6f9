"""What a model loses where its weights are kept with fewer bits, measured on texts of its own.

The loss on text that it writes itself grows by the divergence of the two distributions (Kullback
and Leibler 1951), token by token: no text of the corpus is needed, which may not be at hand.
"""

from __future__ import annotations

import math

import numpy as np

from textgen_core.data.reader import Reader
from textgen_core.data.token_bytes import TokenBytes
from textgen_core.data.tokenizer import END, START
from textgen_core.errors import UsageError
from textgen_core.generation.drawing import draw, uniform_numbers
from textgen_core.generation.guide import SUPPRESSED_TOKENS
from textgen_core.generation.steps import Steps

MOST = 0.02  # bits per byte
TOKENS = 512  # of the text
_SEED = 1


def added_bits(exact: Steps, rounded: Steps, reader: Reader, capacity: int | None) -> float:
    """Return by how many bits per byte the loss grows, on a text that `exact` writes.

    exact, rounded: of one row, with all bits and with fewer. capacity: of their state.
    """
    added = TokenBytes(reader.tokenizer).after((START,)).added
    count = TOKENS if capacity is None else min(TOKENS, capacity)
    exact.restart()
    rounded.restart()
    token, total, size = START, 0.0, 0
    for number in uniform_numbers(_SEED, [0], count)[0]:
        fed = np.array([token], np.int32)
        logits = exact.advance(fed).astype(np.float32)
        wanted, found = _log_shares(logits), _log_shares(rounded.advance(fed))
        total += float((np.exp(wanted) * (wanted - found)).sum())
        logits[:, [*SUPPRESSED_TOKENS, END]] = -np.inf
        (token,) = draw(logits, np.array([number]))
        size += len(added[token])
    return total / math.log(2) / max(1, size)


def check_added_bits(bits: float, precision: str) -> None:
    """Raise UsageError if rounding costs more than it may, or makes of logits what is no number."""
    if not bits <= MOST:
        raise UsageError(
            f"With weights as {precision} this model would need {bits:.3f} bits per byte more.",
            f"Allowed: {MOST} more.",
            "Keep more of them: --precision "
            + ("float16 or float32" if precision == "int8" else "float32"),
        )


def _log_shares(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of probabilities, float64 `(rows, vocabulary)`."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    found: np.ndarray = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
    return found
