"""Batches with what n-gram counts add to the network's logits, made where the batches are made.

The counts of a position have not seen the part of the text that it is in, and know of what precedes
it as much as the network does: nothing before a window; in a stream, which a recurrent state goes
through, what came before the batch too.
"""

from __future__ import annotations

from itertools import chain

import attrs
import numpy as np

from textgen_core.counts.counts import Counts
from textgen_core.counts.folds import HeldOutCounts
from textgen_core.data.batches import Batch, Batches, read_spans

_FLOAT = 4  # bytes
_BATCHES = 2  # at a time: that of a step, and the next


class CountedBatches(Batches):
    """The batches of a training, with the `count_logits` of each.

    token_ids: integers `(tokens,)` that the batches are of, and that were counted. held_out: the
    counts that the network is trained beside; counts: those of all tokens, which are mixed with it
    wherever else it is used.
    """

    def __init__(
        self, batches: Batches, token_ids: np.ndarray, held_out: HeldOutCounts, counts: Counts
    ) -> None:
        self.batch_size = batches.batch_size
        self.batches_per_epoch = batches.batches_per_epoch
        self.counts = counts
        self._batches = batches
        self._token_ids = token_ids
        self._held_out = held_out
        self._reach = max(0, counts.order - 2)  # before the first input of a row

    def batch(self, index: int) -> Batch:
        """Return the batch of step `index`, counted from 0 over all epochs."""
        batch = self._batches.batch(index)
        return attrs.evolve(batch, count_logits=self._count_logits(batch))

    def _count_logits(self, batch: Batch) -> np.ndarray:
        """Return what is added to the logits; zeros in rows of padding."""
        rows, time = batch.inputs.shape
        starts = batch.starts[batch.starts >= 0]
        before = min(self._reach, batch.carried)
        read = read_spans(self._token_ids, starts - before, before + time)
        targets = starts[:, np.newaxis] + np.arange(1, time + 1)
        found = self._held_out.log_probabilities(read, targets)
        found *= np.float32(self.counts.weight)
        if len(starts) == rows:
            return found
        unfilled = np.zeros((rows - len(starts), *found.shape[1:]), np.float32)
        return np.concatenate([found, unfilled])

    def memory_bytes(self, sequence_length: int, per_step: int) -> int:
        """Return how many bytes the tables take, and the batches that are there at a time."""
        numbers = per_step * self.batch_size * sequence_length * self.counts.vocabulary_size
        return self.table_bytes + _BATCHES * _FLOAT * numbers

    @property
    def ngrams(self) -> int:
        """How many different n-grams of all lengths together were counted."""
        return sum(len(level.tokens) for level in self._held_out.tables.trie.levels)

    @property
    def table_bytes(self) -> int:
        """How many bytes the tables take."""
        tables = self._held_out.tables
        levels = [(level.tokens, level.starts) for level in tables.trie.levels]
        arrays = [*tables.discounted, *tables.left, *chain.from_iterable(levels)]
        return sum(array.nbytes for array in arrays)
