"""Which tokens of a text are counted, and in which fold each of them is."""

from __future__ import annotations

import attrs
import numpy as np

from textgen_core.data.token_files import SPANS


@attrs.frozen(kw_only=True, eq=False)
class Spans:
    """Spans of one length that are counted, int64 `starts` in rising order."""

    starts: np.ndarray
    length: int

    def read(self, token_ids: np.ndarray) -> np.ndarray:
        """Return the tokens of all spans, `(spans, length)`."""
        return np.stack([token_ids[start : start + self.length] for start in self.starts])

    def fold(self, number: int, folds: int) -> tuple[int, int]:
        """Return the first counted token of a fold, and the one after its last."""
        tokens = len(self.starts) * self.length
        return number * tokens // folds, (number + 1) * tokens // folds

    def places_before(self, counted: int, skipped: int) -> int:
        """Return how many come before a counted token, less `skipped` of each span."""
        span, place = divmod(counted, self.length)
        return span * max(0, self.length - skipped) + max(0, place - skipped)

    def folds_of(self, positions: np.ndarray, folds: int) -> np.ndarray:
        """Return the fold of each position of the text; `folds` where it was not counted."""
        spans = np.searchsorted(self.starts, positions, side="right") - 1
        within = positions - self.starts[spans]
        edges = [self.fold(number, folds)[1] for number in range(folds)]
        found = np.searchsorted(edges, spans * self.length + within, side="right")
        is_counted = (positions >= 0) & (within < self.length)
        return np.where(is_counted, found, folds)


def choose_spans(tokens: int, most: int) -> Spans:
    """Return the spans of a text of so many tokens: all of it, or `most` from all over it."""
    if tokens <= most:
        return Spans(starts=np.zeros(1, np.int64), length=tokens)
    length = max(2, most // SPANS)
    starts = np.linspace(0, tokens - length, max(1, most // length)).astype(np.int64)
    return Spans(starts=starts, length=length)
