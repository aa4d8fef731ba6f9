"""Scores a short text token by token, with whatever computes a model's steps: without TensorFlow.

It gives the losses of `scoring.Scorer`, but for rounding. That one reads whole windows at once, and
is quicker where a text is long enough to wait for TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import numpy as np

from textgen_core.evaluation.windows import Windows, read_as_documents
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.steps import Steps

SHORT = 8192  # tokens: of longer texts each takes longer so than TensorFlow takes to import


def can_score(runtime: Runtime, windows: Windows, tokens: int) -> bool:
    """Return whether a text of so many tokens is short, and a state holds what a window does."""
    capacity = runtime.state_capacity
    fits = capacity is None or (windows.size <= capacity and not windows.streams)
    return fits and tokens <= SHORT


def score_by_steps(runtime: Runtime, windows: Windows, token_ids: np.ndarray) -> np.ndarray:
    """Return losses, float32 `(tokens - 1,)` in nats, of int `(tokens,)` with `<START>` first."""
    losses = np.zeros((max(0, len(token_ids) - 1),), np.float32)

    def note(place: int, log_probabilities: np.ndarray) -> None:
        losses[place] = -log_probabilities[token_ids[place + 1]]

    for _ in predict_by_steps(runtime, windows, token_ids, note):
        pass
    return losses


def predict_by_steps(
    runtime: Runtime,
    windows: Windows,
    token_ids: np.ndarray,
    note: Callable[[int, np.ndarray], None],
) -> Generator[None]:
    """Read a text, step by step: whoever takes the steps may do something else between them.

    note: is called once for each token that follows another, with the place of that one and the
    logarithms of what the model expects after it, float64 `(vocabulary,)`.
    """
    targets = len(token_ids) - 1
    spans = list(_spans(windows, targets)) if targets > 0 else []
    while spans:
        steps = runtime.steps(runtime.rows_for(len(spans)))
        try:
            yield from _read_spans(steps, spans[: steps.rows], token_ids, note)
        finally:
            steps.release()
        del spans[: steps.rows]


def _spans(windows: Windows, targets: int) -> Iterator[tuple[int, int, int]]:
    """Yield of each window where it starts, where its first new target is, and where it ends."""
    size = targets if windows.streams else windows.size
    yield 0, 0, min(size, targets)
    for first in range(size, targets, windows.stride):
        yield first + windows.stride - size, first, min(first + windows.stride, targets)


def _read_spans(
    steps: Steps,
    spans: list[tuple[int, int, int]],
    token_ids: np.ndarray,
    note: Callable[[int, np.ndarray], None],
) -> Iterator[None]:
    """Note what is expected for the new targets of windows, which are read side by side."""
    longest = max(end - start for start, _, end in spans)
    inputs = np.zeros((steps.rows, longest), np.int32)
    for row in range(steps.rows):
        start, _, end = spans[row] if row < len(spans) else spans[0]
        read = read_as_documents(token_ids[start:end])
        inputs[row, : len(read)] = read
        inputs[row, len(read) :] = read[-1]  # a shorter window ends before: nothing reads on
    steps.restart()
    for place in range(longest):
        logits = steps.advance(inputs[:, place])
        for row, (start, first, end) in enumerate(spans):
            if first <= start + place < end:
                note(start + place, _log_probabilities(logits[row]))
        yield


def _log_probabilities(logits: np.ndarray) -> np.ndarray:
    highest = logits.max()
    total = np.log(np.exp(logits - highest).sum(dtype=np.float64))
    found: np.ndarray = logits.astype(np.float64) - highest - total
    return found
