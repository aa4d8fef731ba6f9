"""Batches of a token file, the t-th a pure function of (token file, seed, t).

So resuming needs one integer, and several machines can share one order. Windows are shuffled, each
for itself; streams run on from batch to batch, for recurrent state. All batches have one shape.
Where the text has several documents, windows and streams begin with one if they can, and the model
reads `<START>` where one begins: as it does when it is asked to write.
"""

from __future__ import annotations

import attrs
import numpy as np

from textgen_core.data.tokenizer import END, PAD, START
from textgen_core.errors import CorpusError

_FEWEST_STEPS = 4  # batches that a stream goes on for, if the text is long enough
_ROUNDS = 4  # that a text is read in at least: so often an epoch all streams begin anew
_REACH = 4096  # tokens that a span is moved at most, to begin with a document
_BLOCK = 1 << 20  # tokens that are searched at once


@attrs.frozen(kw_only=True, eq=False)
class Batch:
    """What one training step sees.

    inputs, targets: int32 `(batch, time)`; a target is the token after its input. Where that ends
    a document, with `<END>`, the next input is `<START>`. Rows of `<PAD>` fill up an epoch's last
    batch: the loss ignores targets that are `<PAD>`.
    starts_afresh: whether the rows continue no earlier batch, so that recurrent state is reset.
    """

    inputs: np.ndarray
    targets: np.ndarray
    starts_afresh: bool


class WindowBatches:
    """Windows of `sequence_length` tokens, in another order each epoch.

    In an epoch they lie end to end, from one of the first multiples of `stride` on, and one more
    begins, and one ends, with the text: so every token but the first is a target once, and again
    only at the edges. With a stride of `sequence_length` or more they lie alike in each epoch. In
    a text of several documents they begin anywhere, but with a document where one begins within
    half a window.

    token_ids: integers `(tokens,)`, which may be memory-mapped. Raises CorpusError if not one
    window fits.
    """

    def __init__(
        self, token_ids: np.ndarray, sequence_length: int, stride: int, batch_size: int, seed: int
    ) -> None:
        needed = sequence_length + 1
        if len(token_ids) < needed:
            raise _too_short(len(token_ids), sequence_length)
        self._token_ids = token_ids
        self.batch_size = batch_size
        self._length = sequence_length
        self._has_documents = _has_documents(token_ids)
        self._stride = 1 if self._has_documents else min(stride, sequence_length)
        self._last_start = len(token_ids) - needed
        self._windows = -(-(len(token_ids) - 1) // sequence_length)
        if self._stride < sequence_length and self._last_start:
            self._windows += 1
        self._seed = seed
        self._order = _Order(self._windows, seed)
        self.batches_per_epoch = -(-self._windows // batch_size)  # each shows every window once

    def batch(self, index: int) -> Batch:
        """Return the batch of step `index`, counted from 0 over all epochs."""
        epoch, within = divmod(index, self.batches_per_epoch)
        first = within * self.batch_size
        last = min(first + self.batch_size, self._windows)
        windows = self._order.at(epoch, np.arange(first, last))
        strides = -(-self._length // self._stride)
        back = self._stride * int(strides * _random_share(self._seed, epoch))
        starts = np.clip(windows * self._length - back, 0, self._last_start)
        if self._has_documents:
            starts = _begin_with_documents(self._token_ids, starts, self._length)
        rows = np.full((self.batch_size, self._length + 1), PAD, dtype=np.int32)
        rows[: len(starts)] = _spans(self._token_ids, starts, self._length + 1)
        return _batch_of(rows, starts_afresh=True)


class StreamBatches:
    """Contiguous streams: row r of a batch goes on where row r of the batch before it ended.

    Without a `stream_length`, as in the literature on the Penn Treebank (Zaremba et al. 2014), the
    text is cut into `batch_size` streams of one length, and each epoch goes through them alike;
    tokens that do not fill a last batch are left out.

    With one, all streams begin anew after about so many tokens, and in a short text at least four
    times an epoch, or after four batches: a model that hardly ever sees its initial state may not
    learn to start from it. Each time they begin somewhere else, in an order that is a function of
    the seed, and with a document where one begins within half of their length; an epoch is as many
    batches as the text fills.

    A short text makes fewer rows than requested: `batch_size` says how many there are. token_ids:
    integers `(tokens,)`, which may be memory-mapped. Raises CorpusError if the text does not fill
    one row.
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
        self._token_ids = token_ids
        self._length = sequence_length
        self._seed = seed
        self._latest = (-1, np.zeros((0,), np.int64))  # a round, and where its streams begin
        self._is_whole = stream_length is None
        self._row = len(token_ids) // self.batch_size
        of_a_row = (self._row - 1) // sequence_length
        if stream_length is None:
            self.batches_per_epoch = self._steps = of_a_row
            return
        targets = len(token_ids) - 1
        self.batches_per_epoch = max(1, round(targets / (self.batch_size * sequence_length)))
        steps = min(
            round(stream_length / sequence_length),
            max(_FEWEST_STEPS, self.batches_per_epoch // _ROUNDS),
            targets // sequence_length,
        )
        self._steps = max(1, steps)
        self._rounds = max(1, round(self.batches_per_epoch / self._steps))
        self._order = _Order(self._rounds * self.batch_size, seed)
        self._has_documents = _has_documents(token_ids)

    def batch(self, index: int) -> Batch:
        """Return the batch of step `index`, counted from 0 over all epochs."""
        round_, step = divmod(index, self._steps)
        known, starts = self._latest
        if known != round_:
            starts = self._starts(round_)
            self._latest = (round_, starts)
        rows = _spans(self._token_ids, starts + step * self._length, self._length + 1)
        return _batch_of(rows.astype(np.int32), starts_afresh=step == 0)

    def _starts(self, round_: int) -> np.ndarray:
        """Return where the streams of a round begin, int64 `(batch,)`."""
        if self._is_whole:
            return np.arange(self.batch_size) * self._row
        # The streams of `rounds` rounds lie evenly on the text, each time moved a little.
        time, within = divmod(round_, self._rounds)
        first = within * self.batch_size
        streams = self._order.at(time, np.arange(first, first + self.batch_size))
        length = self._steps * self._length
        last_start = len(self._token_ids) - length - 1
        apart = (last_start + 1) / (self._rounds * self.batch_size - 1 or 1)
        moved = streams + _random_share(self._seed, time) - 0.5
        starts = np.clip((moved * apart).astype(np.int64), 0, last_start)
        if self._has_documents:
            starts = _begin_with_documents(self._token_ids, starts, length)
        return starts


def read_as_documents(token_ids: np.ndarray) -> np.ndarray:
    """Return what a model reads of token ids: every document begins with `<START>`.

    In a token file `<END>` alone is between two; as a target it stays.
    """
    return np.where(token_ids == END, START, token_ids)


def _batch_of(rows: np.ndarray, *, starts_afresh: bool) -> Batch:
    inputs = read_as_documents(rows[:, :-1])
    return Batch(inputs=inputs, targets=rows[:, 1:], starts_afresh=starts_afresh)


def _spans(token_ids: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Return `length` tokens from each start on, `(starts, length)`."""
    return token_ids[starts[:, np.newaxis] + np.arange(length)]


def _has_documents(token_ids: np.ndarray) -> bool:
    """Return whether there are several, with `<END>` between them."""
    blocks = range(0, len(token_ids), _BLOCK)
    return any(bool((token_ids[start : start + _BLOCK] == END).any()) for start in blocks)


def _begin_with_documents(token_ids: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Return where spans of `length` begin that begin with the nearest document.

    It begins within half of their length of each start, and within `_REACH`; where none does, and
    at the end of the text, spans stay where they are.
    """
    last_start = len(token_ids) - length - 1
    reach = min(length // 2, _REACH)
    moves = np.arange(-reach, reach + 1)
    moves = moves[np.argsort(np.abs(moves), kind="stable")]
    places = np.clip(starts[:, np.newaxis] + moves, 0, last_start)  # the nearest first
    begins = (token_ids[places] == END) | (places == 0)
    nearest = places[np.arange(len(starts)), begins.argmax(axis=1)]
    return np.where(begins.any(axis=1) & (starts < last_start), nearest, starts)


def _random_share(seed: int, number: int) -> float:
    """Return a random number of at least 0 and less than 1, a function of both alone."""
    key = np.array([seed % 2**64, number], dtype=np.uint64)
    return float(np.random.Generator(np.random.Philox(key=key, counter=1 << 32)).random())


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
