"""Logits that break the contract: what is wrong with them, and whose fault it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np

from textgen_core.errors import PluginFailure

ALL_MASKED, UNMASKED, NOT_A_NUMBER = range(3)

MODEL = "The model"
PROBLEMS = {
    ALL_MASKED: "{} excluded every token. Fewer or milder samplers leave some to draw.",
    UNMASKED: "{} gave a finite logit to a token that was excluded.",
    NOT_A_NUMBER: "{} returned logits that are NaN or +infinity.",
}
CONTRACT = "Allowed: a finite logit, or -inf for an excluded token; what came in as -inf stays so."


@attrs.frozen
class Fault:
    """The first fault of a row. stage: whose it is, 0 the model's, i the i-th sampler's."""

    stage: int
    kind: int

    def failure(self, samplers: Sequence[str]) -> PluginFailure:
        """Return the error for it; `samplers` are the names of the chain's."""
        name = samplers[self.stage - 1] if self.stage else MODEL
        return PluginFailure(PROBLEMS[self.kind].format(name), CONTRACT)


def are_sound(own: np.ndarray, allowed: np.ndarray, left: Sequence[np.ndarray]) -> bool:
    """Whether there is no fault in any row, which takes less time than to find one.

    own: float32 `(rows,)`, the log-probabilities of the tokens drawn, which are no numbers where
    some logit of the model's is none. allowed, left: float32 `(rows, vocabulary)` each: the model's
    logits without what is never drawn, and those that each sampler left.
    """
    if not _are_finite(own):
        return False
    kept_before = allowed > -np.inf
    for logits in left:
        if not _are_finite(np.maximum.reduce(logits, axis=1)):
            return False
        kept = logits > -np.inf
        if np.count_nonzero(kept > kept_before):
            return False
        kept_before = kept
    # What a sampler keeps was allowed: without one, something has to be.
    return bool(left) or _are_finite(np.maximum.reduce(allowed, axis=1))


def _are_finite(numbers: np.ndarray) -> bool:
    return all(map(math.isfinite, numbers.tolist()))  # for few, as it is, a third of NumPy's time


def check_shape(logits: np.ndarray, wanted: tuple[int, int]) -> None:
    """Raise PluginFailure unless the model's logits are `(rows, vocabulary)`."""
    if logits.shape != wanted:
        raise PluginFailure(
            f"{MODEL} returned logits of shape {logits.shape} for the next token.",
            f"Allowed: {wanted}, the batch and the vocabulary of its tokenizer.",
        )


def find_faults(stages: Sequence[np.ndarray], rows: np.ndarray) -> dict[int, Fault]:
    """Return the first fault of each row that has one.

    stages: float32 `(rows, vocabulary)` each: the model's own logits, those with the tokens left
    out that are never drawn, then what each sampler made of them. rows: bool `(rows,)`, those that
    count.
    """
    found: dict[int, Fault] = {}
    kept_before = np.ones(stages[0].shape, bool)
    for number, logits in enumerate(stages):
        stage = max(0, number - 1)
        highest = logits.max(axis=1)  # NaN where one is
        kept = logits > -np.inf
        is_wrong = ~((highest > -np.inf) & (highest < np.inf))
        if number > 1:  # the first samplers see is what the loop left of the model's own
            is_wrong |= (kept > kept_before).any(axis=1)
        kept_before = kept
        if is_wrong.any():
            for row in np.flatnonzero(is_wrong & rows):
                kind = _kind(float(highest[row]))
                found.setdefault(int(row), Fault(stage, kind))
    return found


def _kind(highest: float) -> int:
    if highest == -np.inf:
        return ALL_MASKED
    return UNMASKED if highest < np.inf else NOT_A_NUMBER
