"""Texts as numbers of 64 bits, and how often each of very many texts occurs in bounded memory.

The numbers are a function of the text alone, so that a sample by number holds the same texts every
time, and all copies of a text or none. This module knows nothing about what the texts are.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from operator import methodcaller
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PENDING = 1 << 19  # numbers that are gathered before they are sorted in
_encoded = methodcaller("encode", "utf-8", "surrogatepass")


def hash_texts(texts: Sequence[str]) -> np.ndarray:
    """Return uint64 `(texts,)`: of CRC-32 and Adler-32 together, with all bits mixed."""
    import numpy as np

    data = list(map(_encoded, texts))
    high = np.fromiter(map(zlib.crc32, data), np.uint64, len(data))
    low = np.fromiter(map(zlib.adler32, data), np.uint64, len(data))
    return mixed((high << np.uint64(32)) | low)


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Return uint64 numbers of which each bit depends on all bits of the old (Steele et al. 2014).

    SplitMix's last steps: each number has one that becomes it, so different ones stay different.
    """
    import numpy as np

    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    last: np.ndarray = numbers ^ (numbers >> np.uint64(31))
    return last


class SequenceHashes:
    """The numbers of all sequences of so many words that stand within one unit of text."""

    def __init__(self, order: int) -> None:
        """Take sequences of `order` words."""
        import numpy as np

        self._order = order
        self._before = np.empty(0, np.uint64)  # the last words of a unit that goes on

    def of(
        self, hashes: np.ndarray, sizes: Sequence[int], *, ends: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return uint64 `(sequences,)` and the unit, by place, that each stands in.

        hashes: uint64 `(words,)`, of all units; sizes: words of each unit. The last unit goes on
        in the next call unless it `ends`.
        """
        import numpy as np

        lengths = np.array(sizes, np.int64)
        lengths[0] += len(self._before)
        numbers = np.concatenate([self._before, hashes])
        units = np.repeat(np.arange(len(lengths)), lengths)
        kept = 0 if ends else min(self._order - 1, int(lengths[-1]))
        self._before = numbers[len(numbers) - kept :].copy()
        starts = max(0, len(numbers) - self._order + 1)
        sequences = np.zeros(starts, np.uint64)
        for shift in range(self._order):
            factor = np.uint64(2 * shift + 3)
            sequences = mixed(sequences * factor + numbers[shift : shift + starts])
        inside = units[:starts] == units[len(units) - starts :]
        return sequences[inside], units[:starts][inside]


class HashedCounts:
    """How often each number occurs, and a size that goes with it, of a sample if they are many.

    Of more than `most` different numbers those stay that are multiples of 2, then of 4 and so on:
    `every`. keys: uint64 ascending; counts: int64; sizes: int64, of one occurrence.
    """

    def __init__(self, most: int) -> None:
        """Keep at most `most` different numbers."""
        import numpy as np

        self._most = most
        self.every = 1
        self.keys = np.empty(0, np.uint64)
        self.counts = np.empty(0, np.int32)
        self.sizes = np.empty(0, np.int32)
        self._pending: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._waiting = 0

    def add(
        self,
        keys: np.ndarray,
        counts: np.ndarray | None = None,
        sizes: np.ndarray | None = None,
    ) -> None:
        """Count `keys`, once each or `counts` times."""
        import numpy as np

        counts = np.ones(len(keys), np.int32) if counts is None else counts.astype(np.int32)
        sizes = np.zeros(len(keys), np.int32) if sizes is None else sizes.astype(np.int32)
        kept = self.holds(keys)
        if self.every > 1:
            keys, counts, sizes = keys[kept], counts[kept], sizes[kept]
        self._pending.append((keys, counts, sizes))
        self._waiting += len(keys)
        if self._waiting > PENDING:
            self.settle()

    def holds(self, keys: np.ndarray) -> np.ndarray:
        """Return bool `(keys,)`: which are in the sample."""
        import numpy as np

        inside: np.ndarray = (keys & np.uint64(self.every - 1)) == 0
        return inside

    def settle(self) -> None:
        """Sort in what was added; the arrays are right only after this."""
        import numpy as np

        if not self._pending:
            return
        added = [np.concatenate(column) for column in zip(*self._pending, strict=True)]
        self._pending, self._waiting = [], 0
        keys = np.concatenate([self.keys, added[0]])
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
        self.keys = keys[first]
        counts = np.concatenate([self.counts, added[1]])[order]
        self.counts = np.add.reduceat(counts, first) if len(first) else counts
        self.sizes = np.concatenate([self.sizes, added[2]])[order][first]
        while len(self.keys) > self._most:
            self.every *= 2
            kept = self.holds(self.keys)
            self.keys, self.counts = self.keys[kept], self.counts[kept]
            self.sizes = self.sizes[kept]

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the place of each key, and whether it is there at all; settled before."""
        import numpy as np

        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return places, self.keys[places] == keys
