"""Scores held-out tokens: the loss in nats of every token after the first, each exactly once.

The first token of a split is `<START>`, which is fed and never scored; it is fed in the place of
`<END>` too, before every further document, as in training. A model either carries one recurrent
state through the whole split, or scores it in windows of its context length. Where a network is
mixed with counts, a loss is that of the mixture; what network and counts lose alone is found on the
way. `measuring` computes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import attrs
import numpy as np
import tensorflow as tf

from textgen_core.counts.mixture import LossCurve, as_curve, loss_curves
from textgen_core.data.reader import MixtureWeights
from textgen_core.evaluation.measuring import (
    Measurement,
    both_parts,
    mixture_curve,
    mixture_losses,
    network_loss,
)
from textgen_core.evaluation.windows import choose_windows
from textgen_core.models.language_model import LanguageModel

_MOST_LOGITS = 1 << 24  # at once from a whole forward pass: 64 MiB of float32
_MOST_KEPT = 1 << 25  # of what network and counts say of all tokens of a text: 128 MiB

# A stream is cut into chunks of these lengths, so that few shapes are compiled and no padding is
# ever fed, whatever its length.
_STREAM_CHUNKS = (1024, 64, 8, 1)

WARM_UP = 256  # tokens that a row of a stream reads before it is scored, side by side with others


@attrs.frozen(kw_only=True, eq=False)
class PartLosses:
    """What the parts of a mixture lose alone, float32 `(tokens - 1,)` in nats each."""

    network: np.ndarray
    counts: np.ndarray


class Scorer:
    """Scores token ids under a model; what it compiles is kept, so that calling again is quick.

    stride, carry: see `windows.choose_windows`.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        *,
        stride: int | None = None,
        carry: bool = False,
        batch_size: int = 32,
    ) -> None:
        self.language_model = language_model
        length, capacity = language_model.context_length, language_model.state_capacity
        windows = choose_windows(length, capacity, stride=stride, carry=carry)
        self._window, self._stride, self._streams = windows.size, windows.stride, windows.streams
        self._batch_size = batch_size
        self._counts = language_model.counts
        self._projects = hasattr(language_model.model, "project")
        self._losses = (
            Measurement(language_model, network_loss, columns=1)
            if self._counts is None
            else Measurement(language_model, mixture_losses, columns=3)
        )

    def mix(self, weights: MixtureWeights) -> None:
        """Score with other weights of network and counts from now on."""
        self._losses.mix(weights)

    def score(self, token_ids: np.ndarray) -> np.ndarray:
        """Return losses, float32 `(tokens - 1,)` in nats, of int `(tokens,)` with `<START>` first.

        `token_ids` may be memory-mapped; it is read chunk by chunk.
        """
        return self.score_parts(token_ids)[0]

    def score_parts(self, token_ids: np.ndarray) -> tuple[np.ndarray, PartLosses | None]:
        """Return the losses of `score`, and those of its parts where the model is a mixture."""
        if len(token_ids) < 2:
            found = np.zeros((0, self._losses.columns), np.float32)
        else:
            found = self._one_by_one(token_ids, self._losses)
        losses, *parts = np.ascontiguousarray(found.T)
        return losses, PartLosses(network=parts[0], counts=parts[1]) if parts else None

    @property
    def window(self) -> int | None:
        """The tokens of a window; None where one state is carried through instead."""
        return None if self._streams else self._window

    def score_apart(self, token_ids: np.ndarray, most_tokens: int = 1 << 16) -> np.ndarray:
        """Return losses, float32 `(windows, window)`, of windows that do not overlap.

        Each is scored without what came before it. Where they have more than `most_tokens`, it is
        windows from all over the split; a rest that fills none is left out. Only for a model that
        is scored in windows.
        """
        whole = (len(token_ids) - 1) // self._window
        count = min(whole, max(1, most_tokens // self._window))
        if count < 1:
            return np.zeros((0, self._window), np.float32)
        starts = np.linspace(0, whole - 1, count).astype(np.int64) * self._window
        rows = self._rows(count)
        batches = [
            self._gather(token_ids, starts[first : first + rows].tolist(), rows)
            for first in range(0, count, rows)
        ]
        losses = [self._losses.windows(*batch, new=self._window).numpy() for batch in batches]
        return np.concatenate(losses)[:count, :, 0]

    def score_side_by_side(self, token_ids: np.ndarray) -> np.ndarray:
        """Return the losses of `score`, but for a long stream nearly so, in far less time."""
        return np.ascontiguousarray(self._side_by_side(token_ids, self._losses)[:, 0])

    def curve(self, token_ids: np.ndarray) -> Callable[[MixtureWeights], LossCurve]:
        """Return what tells how the summed loss of the mixture lies near certain weights.

        It is that of `score_side_by_side`; int `(tokens,)` of at least two. They are read once
        where what network and counts say of them fits into memory, and else for all weights anew.
        """
        size = self.language_model.vocabulary_size
        if 2 * size * len(token_ids) > _MOST_KEPT:
            return partial(self._curve_read_again, token_ids)
        parts = self._side_by_side(token_ids, self._parts)
        targets = np.asarray(token_ids[1:], np.int32)
        rows = max(1, _MOST_LOGITS // (4 * size))
        chunks = [slice(first, first + rows) for first in range(0, len(targets), rows)]

        def curve_at(weights: MixtureWeights) -> LossCurve:
            factors, sums = np.array(attrs.astuple(weights), np.float32), np.zeros(6)
            for chunk in chunks:
                logits, log_counts = np.split(parts[chunk], 2, axis=1)
                found = loss_curves(logits, log_counts, targets[chunk], factors)
                sums += found.sum(axis=0, dtype=np.float64)
            return as_curve(sums)

        return curve_at

    def _curve_read_again(self, token_ids: np.ndarray, weights: MixtureWeights) -> LossCurve:
        self._curve.mix(weights)
        found = self._side_by_side(token_ids, self._curve)
        return as_curve(found.sum(axis=0, dtype=np.float64))

    @cached_property
    def _curve(self) -> Measurement:
        return Measurement(self.language_model, mixture_curve, columns=6)

    @cached_property
    def _parts(self) -> Measurement:
        columns = 2 * self.language_model.vocabulary_size
        return Measurement(self.language_model, both_parts, columns)

    def _one_by_one(self, token_ids: np.ndarray, measured: Measurement) -> np.ndarray:
        """Return what is measured at each target, float32 `(tokens - 1, columns)`."""
        read = (
            self._stream(token_ids[None], measured)
            if self._streams
            else self._windows(token_ids, measured)
        )
        found = np.concatenate([batch.numpy().reshape(-1, measured.columns) for batch in read])
        return found[: len(token_ids) - 1]

    def _side_by_side(self, token_ids: np.ndarray, measured: Measurement) -> np.ndarray:
        """Return what is measured at each target, float32 `(tokens - 1, columns)`.

        A stream is serial. Here it is cut into rows that are read side by side, each from the
        `WARM_UP` tokens before it on, which are not scored again. A state forgets: what it lacks
        of the tokens before those moves the mean loss less than the choice of a seed does.
        """
        targets = len(token_ids) - 1
        rows = min(self._batch_size, targets // (4 * WARM_UP))
        if not self._streams or rows < 2:
            return self._one_by_one(token_ids, measured)
        stride = -(-(targets - WARM_UP) // rows)
        length = WARM_UP + stride
        starts = [min(row * stride, targets - length) for row in range(rows)]
        batch = np.stack([token_ids[start : start + length + 1] for start in starts])
        chunks = [chunk.numpy() for chunk in self._stream(batch.astype(np.int32), measured)]
        found = np.concatenate(chunks, axis=1)  # (rows, length, columns)
        in_order = np.empty((targets, measured.columns), np.float32)
        for start, row in zip(starts, found, strict=True):
            skipped = WARM_UP if start else 0
            in_order[start + skipped : start + length] = row[skipped:]
        return in_order

    def _stream(self, streams: np.ndarray, measured: Measurement) -> Iterator[Any]:
        """Yield numbers `(rows, chunk, columns)` of int `(rows, time + 1)`, chunk by chunk."""
        rows, end = streams.shape[0], streams.shape[1] - 1
        most = _MOST_LOGITS // (rows * self.language_model.vocabulary_size)
        state = self.language_model.initial_state(rows)
        start = 0
        for length in _STREAM_CHUNKS:
            if length > max(1, most) and not self._projects:
                continue
            while start + length <= end:
                chunk = np.asarray(streams[:, start : start + length + 1], np.int32)
                contexts = self._contexts(streams[:, :start], chunk)
                found, state = measured.chunk(tf.constant(chunk), contexts, state)
                start += length
                yield found

    def _windows(self, token_ids: np.ndarray, measured: Measurement) -> Iterator[Any]:
        """Yield numbers `(rows, stride, columns)`, the first of a whole window, in order.

        What the last window lacks is padded on the right, where a causal model never looks.
        """
        targets = len(token_ids) - 1
        yield measured.windows(*self._gather(token_ids, range(1), 1), new=self._window)
        starts = range(self._stride, targets - self._window + self._stride, self._stride)
        rows = self._rows(len(starts))
        for first in range(0, len(starts), rows):
            batch = self._gather(token_ids, starts[first : first + rows], rows)
            yield measured.windows(*batch, new=self._stride)

    def _rows(self, windows: int) -> int:
        """Return the rows of a batch: as many as memory allows, no more than `windows` need.

        A power of two below the batch size, so that texts of all lengths share few shapes.
        """
        rows = self._batch_size
        if not self._projects:
            row = self._window * self.language_model.vocabulary_size
            rows = min(rows, max(1, _MOST_LOGITS // row))
        return min(rows, 1 << max(0, windows - 1).bit_length())

    def _gather(self, token_ids: np.ndarray, starts: Sequence[int], rows: int) -> tuple[Any, Any]:
        """Return int32 `(rows, window + 1)`, and the contexts of their targets."""
        batch = np.zeros((rows, self._window + 1), np.int32)
        for row, start in zip(batch, starts, strict=False):  # the last batch may be short
            window = token_ids[start : start + self._window + 1]
            row[: len(window)] = window
        return tf.constant(batch), self._contexts(batch[:, :0], batch)

    def _contexts(self, before: np.ndarray, token_ids: np.ndarray) -> Any:
        """Return the contexts of what follows each token but the last, `(rows, time, order)`.

        before: what a stream has read before these; nothing is known before a window. Without
        counts there are no contexts: their order is 0.
        """
        if self._counts is None:
            return tf.zeros((token_ids.shape[0], token_ids.shape[1] - 1, 0), tf.int64)
        reach = before[:, max(0, before.shape[1] - self._counts.order) :]
        read = np.concatenate([reach, token_ids[:, :-1]], axis=1)
        return tf.constant(self._counts.contexts(read)[:, reach.shape[1] :], tf.int64)
