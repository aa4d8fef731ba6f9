"""Texts as numbers of 64 bits, and how often each of very many texts occurs in bounded memory.

The numbers are a function of the text alone, so that a sample by number holds the same texts every
time, and all copies of a text or none.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np

PENDING = 1 << 19  # numbers that are gathered before they are sorted in


def hash_texts(texts: Sequence[str]) -> np.ndarray:
    """Return uint64 `(texts,)`: of CRC-32 and Adler-32 together, with all bits mixed."""
    data = [text.encode("utf-8", "surrogatepass") for text in texts]
    high = np.fromiter(map(zlib.crc32, data), np.uint64, len(data))
    low = np.fromiter(map(zlib.adler32, data), np.uint64, len(data))
    return mixed((high << np.uint64(32)) | low)


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Return uint64 numbers, bits mixed one to one: SplitMix's last steps (Steele et al. 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    last: np.ndarray = numbers ^ (numbers >> np.uint64(31))
    return last


def hash_sequences(columns: Iterable[np.ndarray]) -> np.ndarray:
    """Return a number, uint64, for each row of `columns`, uint64 of one length, in their order."""
    hashes = np.zeros((), np.uint64)
    for place, column in enumerate(columns):
        hashes = mixed(hashes * np.uint64(2 * place + 3) + column)
    return hashes


class SequenceHashes:
    """The numbers of all sequences of `order` words that stand within one unit of text."""

    def __init__(self, order: int) -> None:
        self._order = order
        self._before = np.empty(0, np.uint64)  # the last words of a unit that goes on

    def of(
        self, hashes: np.ndarray, sizes: Sequence[int], *, ends: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return uint64 `(sequences,)` and the unit, by place, that each stands in.

        hashes: uint64 `(words,)`, of all units; sizes: words of each unit. The last unit goes on
        in the next call unless it `ends`.
        """
        lengths = np.array(sizes, np.int64)
        lengths[0] += len(self._before)
        numbers = np.concatenate([self._before, hashes])
        units = np.repeat(np.arange(len(lengths)), lengths)
        kept = 0 if ends else min(self._order - 1, int(lengths[-1]))
        self._before = numbers[len(numbers) - kept :].copy()
        starts = max(0, len(numbers) - self._order + 1)
        inside = units[:starts] == units[len(units) - starts :]
        sequences = hash_sequences(numbers[shift : shift + starts] for shift in range(self._order))
        return sequences[inside], units[:starts][inside]


class HashedCounts:
    """How often each number occurs, and a size that goes with it, of a sample if they are many.

    Of more than `most` different numbers those stay that are multiples of `every`: 2, 4 and so on.
    """

    def __init__(self, most: int, pending: int = PENDING) -> None:
        self._most, self._most_pending = most, pending
        self.every = 1
        self.keys = np.empty(0, np.uint64)  # ascending
        self.counts, self.sizes = np.empty(0, np.int32), np.empty(0, np.int32)
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, keys: np.ndarray, sizes: np.ndarray | None = None) -> None:
        """Count `keys` once each."""
        sizes = np.zeros(len(keys), np.int32) if sizes is None else sizes.astype(np.int32)
        kept = self.holds(keys)
        self._pending.append((keys[kept], sizes[kept]))
        if sum(len(waiting) for waiting, _ in self._pending) > self._most_pending:
            self.settle()

    def holds(self, keys: np.ndarray) -> np.ndarray:
        """Return bool `(keys,)`: which are in the sample."""
        inside: np.ndarray = (keys & np.uint64(self.every - 1)) == 0
        return inside

    def settle(self) -> None:
        """Sort in what was added; the arrays are right only after this."""
        added = [np.concatenate(column) for column in zip(*self._pending, strict=True)]
        if not added or not len(added[0]):
            return
        self._pending = []
        keys = np.concatenate([self.keys, added[0]])
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.concatenate([self.counts, np.ones(len(added[0]), np.int32)])
        self.keys = keys[first]
        self.counts = np.add.reduceat(counts[order], first)
        self.sizes = np.concatenate([self.sizes, added[1]])[order][first]
        while len(self.keys) > self._most:
            self.every *= 2
            kept = self.holds(self.keys)
            self.keys, self.counts = self.keys[kept], self.counts[kept]
            self.sizes = self.sizes[kept]

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the place of each key, and whether it is there at all; settled before."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return places, self.keys[places] == keys
