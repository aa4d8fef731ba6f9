"""What an evaluation is given: the split to score, and the training data."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from textgen_core.data.token_files import TokenFile
from textgen_core.evaluation.training_curve import Rows


@attrs.frozen(kw_only=True)
class HeldOut:
    """The split that is scored: its name, its documents' cleaned text, and its tokens."""

    split: str
    documents: Sequence[str]
    tokens: TokenFile


@attrs.frozen(kw_only=True)
class TrainingData:
    """What the model learnt from: documents, token ids with `<START>` first, rows of metrics.jsonl.

    What is not available stays empty, and the baselines that need it are left out. longer: the
    setting that would have made training longer.
    """

    documents: Sequence[str] = ()
    token_ids: np.ndarray = attrs.field(factory=lambda: np.zeros((0,), np.int32), eq=False)
    rows: Rows = ()
    longer: str = "training.epochs"
