"""Documents that are nearly the same: most of their sequences of three words are shared.

MinHash (Broder 1997): the smallest of a document's hashed sequences is that of another's with a
probability of their resemblance, the share of all their sequences that both have. Documents that
agree in one of the bands of such numbers are compared exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

import attrs
import numpy as np

from textgen_core.corpus.analysis.hashing import SequenceHashes, mixed
from textgen_core.corpus.analysis.words import BlockWords

SHINGLE = 3  # words
LEAST_WORDS = {"document": 8, "paragraph": 20}
MOST_WORDS = 200_000  # a longer document is compared by its beginning
NEAR = 0.7  # resemblance from which on two documents are nearly the same
# The chance that a pair is overlooked: 0.4 % at a resemblance of 0.7, 3 in 100,000 at 0.8.
BANDS, ROWS = 20, 4
KEPT_SHINGLES = 2_000_000  # documents of more are a sample
KEPT_DOCUMENTS = 50_000
BUCKET = 50  # of more documents that agree in a band, each is compared with so many others
MOST_PAIRS = 200_000  # that are compared exactly
EXAMPLES = 5
HEAD = 80  # characters of an example

Unit = Literal["document", "paragraph"]


@attrs.frozen(kw_only=True)
class NearDuplicates:
    """What was compared, and what was found."""

    compared: int  # documents or paragraphs
    unit: Unit
    pairs: int  # that resemble each other by 0.7 or more
    share: float  # of those compared that are in such a pair
    examples: tuple[tuple[str, str, float], ...]  # the first words of both, their resemblance
    is_sample: bool  # whether there were more to compare
    is_bound: bool  # whether so many are alike that not all pairs were looked at


class DuplicateFinder:
    """Takes documents or paragraphs in blocks, and compares them at the end.

    Of very many documents those are kept whose smallest number is a multiple of 2, 4 and so on:
    near-duplicates share it, so they stay or go together.
    """

    def __init__(
        self, unit: Unit, *, kept_documents: int = KEPT_DOCUMENTS, most_pairs: int = MOST_PAIRS
    ) -> None:
        self._unit = unit
        self._kept_documents, self._most_pairs = kept_documents, most_pairs
        self._sequences = SequenceHashes(SHINGLE)
        self._kept: list[tuple[str, np.ndarray]] = []  # first words, and uint64 hashes, ascending
        self._size, self._every = 0, 1
        self._open: list[np.ndarray] = []  # of a document that goes on
        self._open_head, self._open_words = "", 0

    def add(self, block: BlockWords, word_hashes: np.ndarray) -> None:
        """Take the words of the next block and their numbers, uint64 `(words,)`."""
        count = len(block.sizes)
        hashes, units = self._sequences.of(word_hashes, block.sizes, ends=block.ends_unit)
        borders = np.searchsorted(units, np.arange(count + 1))
        wanted = np.array(block.sizes) >= LEAST_WORDS[self._unit]
        if wanted.any():
            starts = borders[:-1][wanted]
            wanted[wanted] = np.minimum.reduceat(hashes, starts) % np.uint64(self._every) == 0
        wanted[[0, count - 1]] = True  # they may be parts of a longer one
        for place in np.flatnonzero(wanted).tolist():
            self._open_head = (self._open_head + block.units[place][: 4 * HEAD])[: 4 * HEAD]
            if self._open_words < MOST_WORDS:
                self._open.append(hashes[borders[place] : borders[place + 1]])
            self._open_words += block.sizes[place]
            if place < count - 1 or block.ends_unit:
                self._close()

    def finish(self) -> NearDuplicates | None:
        """Return what was found; None if there are no two to compare."""
        if len(self._kept) < 2:
            return None
        # Exact copies are grouped first, and groups compared by one of each.
        copies: dict[bytes, list[int]] = defaultdict(list)
        for place, (_, shingles) in enumerate(self._kept):
            copies[shingles.tobytes()].append(place)
        groups = list(copies.values())
        firsts = [self._kept[group[0]][1] for group in groups]
        candidates, is_bound = _candidates(firsts, self._most_pairs)
        alike = [(resemblance(firsts[one], firsts[two]), one, two) for one, two in candidates]
        alike = [each for each in alike if each[0] >= NEAR]
        near = {number for number, group in enumerate(groups) if len(group) > 1}
        examples = [(1.0, groups[number][0], groups[number][1]) for number in near]
        examples += [(share, groups[one][0], groups[two][0]) for share, one, two in alike]
        examples.sort(key=lambda example: (-example[0], example[1:]))
        near.update(number for _, *pair in alike for number in pair)
        return NearDuplicates(
            compared=len(self._kept),
            unit=self._unit,
            pairs=sum(len(group) * (len(group) - 1) // 2 for group in groups)
            + sum(len(groups[one]) * len(groups[two]) for _, one, two in alike),
            share=sum(len(groups[number]) for number in near) / len(self._kept),
            examples=tuple(
                (self._kept[one][0], self._kept[two][0], round(share, 3))
                for share, one, two in examples[:EXAMPLES]
            ),
            is_sample=self._every > 1,
            is_bound=is_bound,
        )

    def _close(self) -> None:
        parts, head, words = self._open, self._open_head, self._open_words
        self._open, self._open_head, self._open_words = [], "", 0
        shingles = np.concatenate(parts)[:MOST_WORDS]
        if words < LEAST_WORDS[self._unit] or int(shingles.min()) % self._every:
            return
        shingles = np.unique(shingles)
        self._kept.append((" ".join(head.split())[:HEAD], shingles))
        self._size += len(shingles)
        while len(self._kept) > 2 and (
            self._size > KEPT_SHINGLES or len(self._kept) > self._kept_documents
        ):
            self._every *= 2
            self._kept = [each for each in self._kept if not each[1][0] % self._every]
            self._size = sum(len(shingles) for _, shingles in self._kept)


def resemblance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of all numbers of two that both have; ascending, each once."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def _candidates(shingles: Sequence[np.ndarray], most: int) -> tuple[list[tuple[int, int]], bool]:
    """Return at most `most` pairs that agree in all rows of a band, and whether there are more."""
    count = len(shingles)
    bands = [(band[order], order) for band, order in _bands(_signatures(shingles))]
    found = np.empty(0, np.int64)
    more = False
    for shift in range(1, min(count, BUCKET + 1)):
        more = False
        for band, order in bands:
            same = np.flatnonzero(band[shift:] == band[:-shift])
            more = more or len(same) > 0
            pairs = order[same] * count + order[same + shift]
            found = np.concatenate([found, np.setdiff1d(pairs, found)])
        if len(found) > most or not more:
            break
    else:
        more = more and count > BUCKET
    first, second = np.divmod(found[:most], count)
    return list(zip(first.tolist(), second.tolist(), strict=True)), more


def _bands(signatures: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield one number for all rows of a band, uint64 `(documents,)`, and the order of these."""
    for first in range(0, BANDS * ROWS, ROWS):
        band = np.zeros(len(signatures), np.uint64)
        for row in range(first, first + ROWS):
            band = mixed(band + signatures[:, row])
        yield band, np.argsort(band, kind="stable")


def _signatures(shingles: Sequence[np.ndarray]) -> np.ndarray:
    """Return uint64 `(documents, BANDS * ROWS)`: the least of each under as many permutations."""
    starts = np.cumsum([0, *map(len, shingles[:-1])])
    numbers = np.concatenate(shingles)
    draw = np.random.default_rng(0).integers(2**64, size=(BANDS * ROWS, 2), dtype=np.uint64)
    draw[:, 0] |= np.uint64(1)
    signatures = np.empty((len(shingles), len(draw)), np.uint64)
    for row, (factor, added) in enumerate(draw):
        permuted = numbers * factor + added
        permuted = (permuted ^ (permuted >> np.uint64(32))) * factor
        signatures[:, row] = np.minimum.reduceat(permuted, starts)
    return signatures
