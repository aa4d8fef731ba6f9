"""How held-out tokens are cut for a model: one state carried through, or windows that overlap."""

from __future__ import annotations

import attrs
import numpy as np

from textgen_core.data.tokenizer import END, START


@attrs.frozen(kw_only=True)
class Windows:
    """How a split is scored.

    size: the tokens of a window; stride: how many of them are scored, in all but the first.
    streams: whether one recurrent state is carried through instead.
    """

    size: int
    stride: int
    streams: bool


def choose_windows(
    context_length: int, state_capacity: int | None, *, stride: int | None, carry: bool
) -> Windows:
    """Return how a model is scored.

    stride: the new targets of each window (None: half a window; a window or more: windows that do
    not overlap). carry: one recurrent state is carried through; where it holds a limited number of
    tokens, a fresh one starts from the last half, as in generation.
    """
    if carry and state_capacity is not None:
        # A state that is reset to its last half sees what such windows see.
        kept = state_capacity // 2
        return Windows(size=state_capacity, stride=state_capacity - kept, streams=False)
    wanted = max(1, context_length // 2) if stride is None else stride
    return Windows(size=context_length, stride=min(wanted, context_length), streams=carry)


def read_as_documents(token_ids: np.ndarray) -> np.ndarray:
    """Return what the model reads, as in `data.batches`: every document begins with `<START>`."""
    return np.where(token_ids == END, START, token_ids).astype(np.int32)
