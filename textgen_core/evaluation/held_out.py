"""What an evaluation is given: the split to score, the training data, and a scorer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import attrs
import numpy as np

from textgen_core.evaluation.finding import EPOCHS, Rows


class TokensOfSplit(Protocol):
    """A split as token ids, int `(tokens,)` with `<START>` first, and what they stand for."""

    @property
    def token_ids(self) -> np.ndarray: ...
    @property
    def text_bytes(self) -> int: ...
    @property
    def unknown_tokens(self) -> int: ...
    @property
    def unknown_bytes(self) -> int: ...


class TokenScorer(Protocol):
    """Gives losses to token ids under a language model, as `scoring.Scorer` does."""

    @property
    def language_model(self) -> Any: ...
    @property
    def window(self) -> int | None: ...
    def score(self, token_ids: np.ndarray) -> np.ndarray: ...
    def score_apart(self, token_ids: np.ndarray) -> np.ndarray: ...


@attrs.frozen(kw_only=True)
class HeldOut:
    """The split that is scored: its name, its documents' cleaned text, and its tokens."""

    split: str
    documents: Sequence[str]
    tokens: TokensOfSplit


@attrs.frozen(kw_only=True)
class TrainingData:
    """What the model learnt from: documents, token ids with `<START>` first, rows of metrics.jsonl.

    What is not available stays empty, and the baselines that need it are left out. longer: the
    setting that would have made training longer.
    """

    documents: Sequence[str] = ()
    token_ids: np.ndarray = attrs.field(factory=lambda: np.zeros((0,), np.int32), eq=False)
    rows: Rows = ()
    longer: str = EPOCHS
