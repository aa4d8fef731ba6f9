"""What is measured at every target of held-out tokens, computed with TensorFlow.

Which tokens lie in which window, and what precedes them, is up to `scoring`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
import tensorflow as tf

from textgen_core.counts.mixture import loss_curves
from textgen_core.data.reader import MixtureWeights
from textgen_core.data.tokenizer import END, START
from textgen_core.models.language_model import LanguageModel

_MOST_LOGITS_AT_ONCE = 1 << 22  # 16 MiB of float32

# (logits, log-probabilities of the counts or None, targets, weights) -> (positions, columns)
AtPositions = Callable[[Any, Any, Any, Any], Any]


class Measurement:
    """Measures the same at every target of windows, or of chunks of streams.

    What it compiles is kept, so that measuring again is quick. columns: how many numbers
    `at_positions` returns for each target.
    """

    def __init__(
        self, language_model: LanguageModel, at_positions: AtPositions, columns: int
    ) -> None:
        self.columns = columns
        self._language_model = language_model
        self._counts = language_model.counts
        self._at_positions = at_positions
        self._projects = hasattr(language_model.model, "project")
        self._unprojected = {"project": False} if self._projects else {}
        self._weights = tf.Variable(np.ones(2, np.float32), trainable=False)
        if self._counts is not None:
            self.mix(self._counts.weights)
        self._compiled: dict[tuple[Any, ...], Any] = {}

    def mix(self, weights: MixtureWeights) -> None:
        """Measure with other weights of network and counts from now on."""
        self._weights.assign(attrs.astuple(weights))

    def windows(self, token_ids: Any, contexts: Any, new: int) -> Any:
        """Return the numbers `(rows, new, columns)` of the last `new` targets of windows.

        token_ids: int32 `(rows, window + 1)`; contexts: int64 `(rows, window, order)`.
        """
        return self._compile(self._measure_windows, token_ids, new)(token_ids, contexts, new)

    def chunk(self, token_ids: Any, contexts: Any, state: Any) -> Any:
        """Return the numbers `(rows, length, columns)` of a chunk of streams, and its state."""
        return self._compile(self._measure_chunk, token_ids)(token_ids, contexts, state)

    def _compile(self, measure: Any, token_ids: Any, new: int = 0) -> Any:
        """Return what measures ids of a shape: TensorFlow warns of one function for several."""
        key = (measure.__name__, *token_ids.shape, new)
        if key not in self._compiled:
            self._compiled[key] = tf.function(partial(measure), autograph=False)
        return self._compiled[key]

    def _measure_windows(self, token_ids: Any, contexts: Any, new: int) -> Any:
        inputs = _read_as_documents(token_ids[:, :-1])
        outputs = self._language_model.model(inputs, training=False, **self._unprojected)
        return self._measure(outputs[:, -new:], token_ids[:, -new:], contexts[:, -new:])

    def _measure_chunk(self, token_ids: Any, contexts: Any, state: Any) -> Any:
        inputs = _read_as_documents(token_ids[:, :-1])
        outputs, state = self._language_model.model.advance(inputs, state, **self._unprojected)
        return self._measure(outputs, token_ids[:, 1:], contexts), state

    def _measure(self, outputs: Any, targets: Any, contexts: Any) -> Any:
        """Return float32 numbers `(rows, time, columns)`.

        outputs: `(rows, time, width or vocabulary)`. Chunk by chunk, so that hidden states are
        projected, logits made float32, and the probabilities of counts looked up, for a bounded
        number of positions at a time.
        """
        rows, time = targets.shape
        positions = rows * time
        most = max(1, _MOST_LOGITS_AT_ONCE // self._language_model.vocabulary_size)
        chunks = -(-positions // most)
        size = -(-positions // chunks)

        def cut(each: Any, *shape: int) -> Any:
            padding = [(0, chunks * size - positions), *((0, 0) for _ in shape)]
            return tf.reshape(
                tf.pad(tf.reshape(each, (positions, *shape)), padding), (chunks, size, *shape)
            )

        found = tf.map_fn(
            self._measure_positions,
            (cut(outputs, outputs.shape[-1]), cut(targets), cut(contexts, contexts.shape[-1])),
            fn_output_signature=tf.TensorSpec((size, self.columns), tf.float32),
            parallel_iterations=1,
        )
        flat = tf.reshape(found, (chunks * size, self.columns))
        return tf.reshape(flat[:positions], (rows, time, self.columns))

    def _measure_positions(self, chunk: Any) -> Any:
        # (positions, width or vocabulary), (positions,), (positions, order)
        outputs, targets, contexts = chunk
        model = self._language_model.model
        logits = tf.cast(model.project(outputs[None])[0] if self._projects else outputs, tf.float32)
        log_counts = None
        if self._counts is not None:
            found = tf.numpy_function(self._counts.log_probabilities, [contexts], tf.float32)
            log_counts = tf.ensure_shape(found, logits.shape)
        return self._at_positions(logits, log_counts, targets, self._weights)


def network_loss(logits: Any, log_counts: Any, targets: Any, weights: Any) -> Any:
    """Return the loss of the network alone, float32 `(positions, 1)`."""
    del log_counts, weights
    return _cross_entropy(targets, logits)[:, None]


def mixture_losses(logits: Any, log_counts: Any, targets: Any, weights: Any) -> Any:
    """Return the losses of the mixture, the network and the counts, float32 `(positions, 3)`."""
    mixture = _cross_entropy(targets, weights[0] * logits + weights[1] * log_counts)
    counts = -tf.gather(log_counts, targets, batch_dims=1)
    return tf.stack([mixture, _cross_entropy(targets, logits), counts], axis=1)


def both_parts(logits: Any, log_counts: Any, targets: Any, weights: Any) -> Any:
    """Return what both parts say, logits and log-probabilities, `(positions, 2 x vocabulary)`."""
    del targets, weights
    return tf.concat([logits, log_counts], axis=1)


def mixture_curve(logits: Any, log_counts: Any, targets: Any, weights: Any) -> Any:
    """Return how the mixture's loss changes with the weights, see `counts.mixture.loss_curves`."""
    found = tf.numpy_function(loss_curves, [logits, log_counts, targets, weights], tf.float32)
    return tf.ensure_shape(found, (logits.shape[0], 6))


def _cross_entropy(targets: Any, logits: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)


def _read_as_documents(token_ids: Any) -> Any:
    """Return what the model reads, as in `data.batches`: every document begins with `<START>`."""
    return tf.where(token_ids == END, START, token_ids)
