"""Scores held-out tokens: the loss in nats of every token after the first, each exactly once.

The first token of a split is `<START>`, which is fed and never scored; it is fed in the place of
`<END>` too, before every further document, as in training. A model either carries one recurrent
state through the whole split, or scores it in windows of its context length. The only module of
this package that uses TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from textgen_core.data.tokenizer import END, START
from textgen_core.evaluation.windows import choose_windows
from textgen_core.models.language_model import LanguageModel

# Logits that may exist at once: 64 MiB of float32 from a whole forward pass, 16 MiB in the loss.
_MOST_LOGITS = 1 << 24
_MOST_LOGITS_IN_LOSS = 1 << 22

# A stream is cut into chunks of these lengths, so that few shapes are compiled and no padding is
# ever fed, whatever its length.
_STREAM_CHUNKS = (1024, 64, 8, 1)

WARM_UP = 256  # tokens that a row of a stream reads before it is scored, side by side with others


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
        self._projects = hasattr(language_model.model, "project")
        self._unprojected = {"project": False} if self._projects else {}
        # Wrapped, since TensorFlow warns of a method that is traced for a few shapes.
        self._score_windows = tf.function(partial(self._window_losses), autograph=False)
        self._score_chunk = tf.function(partial(self._chunk_losses), autograph=False)

    def score(self, token_ids: np.ndarray) -> np.ndarray:
        """Return losses, float32 `(tokens - 1,)` in nats, of int `(tokens,)` with `<START>` first.

        `token_ids` may be memory-mapped; it is read chunk by chunk.
        """
        if len(token_ids) < 2:
            return np.zeros((0,), np.float32)
        batches = self._stream(token_ids[None]) if self._streams else self._windows(token_ids)
        losses = [batch.numpy().reshape(-1) for batch in batches]
        return np.concatenate(losses)[: len(token_ids) - 1]

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
        losses = [self._score_windows(batch, new=self._window).numpy() for batch in batches]
        return np.concatenate(losses)[:count]

    def score_side_by_side(self, token_ids: np.ndarray) -> np.ndarray:
        """Return the losses of `score`, but for a long stream nearly so, in far less time.

        A stream is serial. Here it is cut into rows that are read side by side, each from the
        `WARM_UP` tokens before it on, which are not scored again. A state forgets: what it lacks
        of the tokens before those moves the mean loss less than the choice of a seed does.
        """
        targets = len(token_ids) - 1
        rows = min(self._batch_size, targets // (4 * WARM_UP))
        if not self._streams or rows < 2:
            return self.score(token_ids)
        stride = -(-(targets - WARM_UP) // rows)
        length = WARM_UP + stride
        starts = [min(row * stride, targets - length) for row in range(rows)]
        batch = np.stack([token_ids[start : start + length + 1] for start in starts])
        chunks = [chunk.numpy() for chunk in self._stream(batch.astype(np.int32))]
        found = np.concatenate(chunks, axis=1)  # (rows, length)
        losses = np.empty((targets,), np.float32)
        for start, row in zip(starts, found, strict=True):
            skipped = WARM_UP if start else 0
            losses[start + skipped : start + length] = row[skipped:]
        return losses

    def _stream(self, streams: np.ndarray) -> Iterator[Any]:
        """Yield losses `(rows, chunk)` of int `(rows, time + 1)`, chunk by chunk."""
        rows, end = streams.shape[0], streams.shape[1] - 1
        most = _MOST_LOGITS // (rows * self.language_model.vocabulary_size)
        state = self.language_model.initial_state(rows)
        start = 0
        for length in _STREAM_CHUNKS:
            if length > max(1, most) and not self._projects:
                continue
            while start + length <= end:
                chunk = np.asarray(streams[:, start : start + length + 1], np.int32)
                losses, state = self._score_chunk(tf.constant(chunk), state)
                start += length
                yield losses

    def _windows(self, token_ids: np.ndarray) -> Iterator[Any]:
        """Yield losses `(rows, stride)`, the very first ones `(1, window)`, in the split's order.

        What the last window lacks is padded on the right, where a causal model never looks.
        """
        targets = len(token_ids) - 1
        yield self._score_windows(self._gather(token_ids, range(1), 1), new=self._window)
        starts = range(self._stride, targets - self._window + self._stride, self._stride)
        rows = self._rows(len(starts))
        for first in range(0, len(starts), rows):
            batch = self._gather(token_ids, starts[first : first + rows], rows)
            yield self._score_windows(batch, new=self._stride)

    def _rows(self, windows: int) -> int:
        """Return the rows of a batch: as many as memory allows, no more than `windows` need.

        A power of two below the batch size, so that texts of all lengths share few shapes.
        """
        rows = self._batch_size
        if not self._projects:
            row = self._window * self.language_model.vocabulary_size
            rows = min(rows, max(1, _MOST_LOGITS // row))
        return min(rows, 1 << max(0, windows - 1).bit_length())

    def _gather(self, token_ids: np.ndarray, starts: Sequence[int], rows: int) -> Any:
        batch = np.zeros((rows, self._window + 1), np.int32)
        for row, start in zip(batch, starts, strict=False):  # the last batch may be short
            window = token_ids[start : start + self._window + 1]
            row[: len(window)] = window
        return tf.constant(batch)

    def _window_losses(self, token_ids: Any, new: int) -> Any:
        """Return the losses `(rows, new)` of the last `new` targets of `(rows, window + 1)`."""
        inputs = _read_as_documents(token_ids[:, :-1])
        outputs = self.language_model.model(inputs, training=False, **self._unprojected)
        return self._losses(outputs[:, -new:], token_ids[:, -new:])

    def _chunk_losses(self, token_ids: Any, state: Any) -> Any:
        """Return losses `(rows, length)` of int32 `(rows, length + 1)`, and the state after it."""
        inputs = _read_as_documents(token_ids[:, :-1])
        outputs, state = self.language_model.model.advance(inputs, state, **self._unprojected)
        return self._losses(outputs, token_ids[:, 1:]), state

    def _losses(self, outputs: Any, targets: Any) -> Any:
        """Return float32 losses `(rows, time)` of outputs `(rows, time, width or vocabulary)`.

        Chunk by chunk, so that hidden states are projected, and logits made float32, for a bounded
        number of positions at a time.
        """
        rows, time = targets.shape
        width = outputs.shape[-1]
        positions = rows * time
        most = max(1, _MOST_LOGITS_IN_LOSS // self.language_model.vocabulary_size)
        chunks = -(-positions // most)
        size = -(-positions // chunks)
        padding = chunks * size - positions
        flat = tf.pad(tf.reshape(outputs, (positions, width)), ((0, padding), (0, 0)))
        flat_targets = tf.pad(tf.reshape(targets, (positions,)), ((0, padding),))
        losses = tf.map_fn(
            self._position_losses,
            (tf.reshape(flat, (chunks, size, width)), tf.reshape(flat_targets, (chunks, size))),
            fn_output_signature=tf.TensorSpec((size,), tf.float32),
            parallel_iterations=1,
        )
        return tf.reshape(tf.reshape(losses, (-1,))[:positions], (rows, time))

    def _position_losses(self, chunk: Any) -> Any:
        outputs, targets = chunk  # (positions, width or vocabulary), (positions,)
        logits = self.language_model.model.project(outputs[None])[0] if self._projects else outputs
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, tf.cast(logits, tf.float32))


def _read_as_documents(token_ids: Any) -> Any:
    """Return what the model reads, as in `data.batches`: every document begins with `<START>`."""
    return tf.where(token_ids == END, START, token_ids)
