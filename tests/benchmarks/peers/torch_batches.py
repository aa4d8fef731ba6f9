"""Random batches for the peers in PyTorch, made before the clock runs.

This module knows nothing about models.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch

_BATCHES = 32  # prepared, and repeated


def repeated_batches(setting: dict[str, Any]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Return an endless iterator over pairs of inputs and targets, int64 `(batch, time)`."""
    draw = torch.Generator().manual_seed(1)
    shape = (_BATCHES, setting["batch_size"], setting["sequence_length"] + 1)
    token_ids = torch.randint(setting["vocabulary_size"], shape, generator=draw)
    return itertools.cycle(
        [(each[:, :-1].contiguous(), each[:, 1:].contiguous()) for each in token_ids]
    )
