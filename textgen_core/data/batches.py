"""Batches of a token file, the t-th a pure function of (token file, seed, t).

So resuming needs one integer, and several machines can share one order. Windows are shuffled, each
for itself; streams run on from batch to batch, for recurrent state. All batches have one shape.
"""

from __future__ import annotations

import attrs
import numpy as np

from textgen_core.data.tokenizer import PAD
from textgen_core.errors import CorpusError


@attrs.frozen(kw_only=True, eq=False)
class Batch:
    """What one training step sees.

    inputs, targets: int32 `(batch, time)`; a target is the token after its input. Rows of `<PAD>`
    fill up an epoch's last batch: the loss ignores targets that are `<PAD>`.
    starts_afresh: whether the rows continue no earlier batch, so that recurrent state is reset.
    """

    inputs: np.ndarray
    targets: np.ndarray
    starts_afresh: bool


class WindowBatches:
    """Windows of `sequence_length` tokens, in another order each epoch.

    A window starts every `stride` tokens, at most `sequence_length`, and one more ends with the
    text: so every token but the first is a target. token_ids: integers `(tokens,)`, which may be
    memory-mapped. Raises CorpusError if not one window fits.
    """

    def __init__(
        self, token_ids: np.ndarray, sequence_length: int, stride: int, batch_size: int, seed: int
    ) -> None:
        needed = sequence_length + 1
        if len(token_ids) < needed:
            raise _too_short(len(token_ids), sequence_length)
        self._token_ids = token_ids
        self.batch_size = batch_size
        self._stride = min(stride, sequence_length)
        self._last_start = len(token_ids) - needed
        self._offsets = np.arange(needed)
        self._windows = -(-self._last_start // self._stride) + 1
        self._order = _Order(self._windows, seed)
        self.batches_per_epoch = -(-self._windows // batch_size)  # each shows every window once

    def batch(self, index: int) -> Batch:
        """Return the batch of step `index`, counted from 0 over all epochs."""
        epoch, within = divmod(index, self.batches_per_epoch)
        first = within * self.batch_size
        last = min(first + self.batch_size, self._windows)
        windows = self._order.at(epoch, np.arange(first, last))
        starts = np.minimum(windows * self._stride, self._last_start)
        rows = np.full((self.batch_size, len(self._offsets)), PAD, dtype=np.int32)
        rows[: len(starts)] = self._token_ids[starts[:, np.newaxis] + self._offsets]
        return Batch(inputs=rows[:, :-1], targets=rows[:, 1:], starts_afresh=True)


class StreamBatches:
    """Contiguous streams, as in the literature on the Penn Treebank (Zaremba et al. 2014).

    Row r of a batch goes on where row r of the batch before it ended. By default the text is cut
    into `batch_size` streams of one length, and each epoch goes through them alike. With a
    `stream_length` it is cut into more streams of about so many tokens, in an order that is a
    function of (seed, epoch): so the model sees its initial state again and again, without which
    it may never learn to start from it.

    Tokens that do not fill a last stream or a last batch are left out. A short text makes fewer
    rows than requested: `batch_size` says how many there are. token_ids: integers `(tokens,)`,
    which may be memory-mapped. Raises CorpusError if the text does not fill one row.
    """

    def __init__(
        self,
        token_ids: np.ndarray,
        sequence_length: int,
        batch_size: int,
        stream_length: int | None = None,
        seed: int = 0,
    ) -> None:
        self.batch_size = min(batch_size, len(token_ids) // (sequence_length + 1))
        if not self.batch_size:
            raise _too_short(len(token_ids), sequence_length)
        of_a_row = len(token_ids) // self.batch_size
        wanted = of_a_row if stream_length is None else max(stream_length, sequence_length)
        self._rounds = max(1, min(round(of_a_row / wanted), of_a_row // (sequence_length + 1)))
        streams = self.batch_size * self._rounds
        length = len(token_ids) // streams
        self._streams = token_ids[: streams * length].reshape(streams, length)
        self._batches_of_a_round = (length - 1) // sequence_length
        self.batches_per_epoch = self._rounds * self._batches_of_a_round
        self._sequence_length = sequence_length
        self._order = _Order(streams, seed)

    def batch(self, index: int) -> Batch:
        """Return the batch of step `index`, counted from 0 over all epochs."""
        epoch, within = divmod(index, self.batches_per_epoch)
        round_, step = divmod(within, self._batches_of_a_round)
        streams = np.arange(self.batch_size)
        if self._rounds > 1:
            first = round_ * self.batch_size
            streams = self._order.at(epoch, np.arange(first, first + self.batch_size))
        start = step * self._sequence_length
        rows = self._streams[streams, start : start + self._sequence_length + 1].astype(np.int32)
        return Batch(inputs=rows[:, :-1], targets=rows[:, 1:], starts_afresh=step == 0)


Batches = WindowBatches | StreamBatches


class _Order:
    """The order of `count` items in each epoch: a function of (seed, epoch) alone.

    A stored permutation would be simpler, but takes 8 bytes an item: gigabytes at a stride of 1 on
    a very long text. So the item at a place is computed by a small cipher, a Feistel network over
    the next power of four, whose values are enciphered again until they are less than `count`
    (Black and Rogaway 2002).
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed % 2**64
        self._half = max(1, -(-(count - 1).bit_length() // 2))  # bits of half a value

    def at(self, epoch: int, places: np.ndarray) -> np.ndarray:
        """Return the items at int64 `places` of an epoch's order, int64 of the same shape."""
        generator = np.random.Philox(key=np.array([self._seed, epoch], dtype=np.uint64))
        keys = generator.random_raw(6)  # one for each round of the network
        values = self._enciphered(places.astype(np.uint64), keys)
        while (outside := values >= self._count).any():
            values[outside] = self._enciphered(values[outside], keys)
        return values.astype(np.int64)

    def _enciphered(self, values: np.ndarray, keys: np.ndarray) -> np.ndarray:
        half, mask = np.uint64(self._half), np.uint64(2**self._half - 1)
        left, right = values >> half, values & mask
        for key in keys:
            # The multiplier is the golden ratio's; the upper bits depend on all of the lower ones.
            mixed = (right ^ key) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
            left, right = right, left ^ ((mixed >> np.uint64(32)) & mask)
        return (left << half) | right


def _too_short(tokens: int, sequence_length: int) -> CorpusError:
    return CorpusError(
        f"The text has {tokens} tokens, and one window needs {sequence_length + 1}.",
        "Allowed: a longer text, or a smaller data.sequence_length.",
        f"Try --set data.sequence_length={max(2, tokens // 4)}.",
    )
