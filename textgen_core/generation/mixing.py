"""The steps of a network mixed with n-gram counts: log-linearly.

The logits of the mixture are a weighted sum of the network's and of the log-probabilities of the
counts. The counts see no more than the network at the same place: both begin and go on together.
"""

from __future__ import annotations

import numpy as np

from textgen_core.data.reader import MixedCounts
from textgen_core.generation.faults import check_shape
from textgen_core.generation.steps import Steps


class MixedSteps(Steps):
    """The steps of a network, each with what the counts say of the same rows."""

    def __init__(self, network: Steps, counts: MixedCounts) -> None:
        self.rows = network.rows
        self._network, self._counts = network, counts
        weights = counts.weights
        self._of_network = np.float32(weights.network)
        self._of_counts = np.float32(weights.counts)
        self._contexts = counts.fresh(self.rows)

    @property
    def compiled_with(self) -> str:
        """What compiled the network's."""
        return self._network.compiled_with

    def restart(self) -> None:
        """Begin again with fresh states, and no context."""
        self._network.restart()
        self._contexts = self._counts.fresh(self.rows)

    def feed(self, token_ids: np.ndarray) -> None:
        """Read int32 `(rows, time)`, of which no logits are needed; time may be 0."""
        self._network.feed(token_ids)
        reach = max(1, self._counts.order - 1)  # of the tokens before, nothing is left
        for column in token_ids[:, -reach:].T:
            self._contexts = self._counts.follow(self._contexts, column)

    def advance(self, token_ids: np.ndarray) -> np.ndarray:
        """Read int32 `(rows,)`; return the mixture's logits, float32 `(rows, vocabulary)`."""
        logits = self._network.advance(token_ids)
        check_shape(logits, (self.rows, self._counts.vocabulary_size))
        self._contexts = self._counts.follow(self._contexts, token_ids)
        mixed = self._of_counts * self._counts.log_probabilities(self._contexts)
        mixed += self._of_network * logits
        return mixed

    def release(self) -> None:
        """Give back the network's."""
        self._network.release()
