"""Counts of n-grams in little room: which there are, and how often the longest were counted.

All else follows from that, as it did when they were counted. Which tokens continue a context is
said of those alone that continue the context without its first token: where there is only one,
nothing has to be said. What was found is checked bit by bit; of counts that were smoothed in
another way all numbers are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np

from textgen_core.counts.counts import Counts
from textgen_core.counts.smoothing import smooth
from textgen_core.counts.trie import Level, Trie

Keep = Callable[[np.ndarray], int]

_LARGEST = 255  # a count that a byte holds; larger ones are kept beside them
_MOST_POSSIBLE = 32  # continuations of shorter contexts for an n-gram
_MOST_GUESSES, _FEW_GUESSES = 4096, 8


@attrs.frozen(kw_only=True)
class _Structure:
    """Of the n-grams of one length: which of the possible ones there are.

    is_there: bool, for each token that continues the shorter context of each context that several
    continue; None if these are too many, as those of words are. empty: the contexts that nothing
    continues; suffixes: of each n-gram the one without its first token.
    """

    is_there: np.ndarray | None
    empty: np.ndarray
    suffixes: np.ndarray


def describe_counts(counts: Counts, keep: Keep) -> dict[str, Any]:
    """Return counts as JSON.

    keep: is given each array, and returns the number by which it is found.
    """
    first, *longer = counts.trie.levels
    structures = list(_structures(counts.trie))
    described: dict[str, Any] = {
        "vocabulary_size": counts.vocabulary_size,
        "weights": attrs.asdict(counts.weights),
        "tokens": keep(first.tokens.astype(np.int32)),
        "levels": [
            _describe_level(level, each, keep)
            for level, each in zip(longer, structures, strict=True)
        ],
    }
    found = find_counts(counts.trie.levels[-1])
    if found is not None and _is_smoothed(counts.trie, structures, found):
        (large,) = np.nonzero(found > _LARGEST)
        described["counts"] = keep(found.clip(0, _LARGEST).astype(np.uint8))
        described["large"] = keep(large.astype(np.int32)), keep(found[large].astype(np.int32))
    else:
        described["numbers"] = [
            (keep(np.asarray(level.discounted)), keep(np.asarray(level.left)))
            for level in counts.trie.levels
        ]
    return described


def _describe_level(level: Level, structure: _Structure, keep: Keep) -> dict[str, Any]:
    if structure.is_there is None:
        widths = np.diff(level.starts).astype(np.int32)
        return {"tokens": keep(np.asarray(level.tokens)), "widths": keep(widths)}
    return {
        "size": len(level.tokens),
        "is_there": keep(np.packbits(structure.is_there, bitorder="little")),
        "empty": keep(structure.empty.astype(np.int32)),
    }


def _structures(trie: Trie) -> Iterator[_Structure]:
    """Yield the structure of each length from 2 on."""
    suffixes = np.zeros(len(trie.levels[0].tokens), np.int64)  # of the contexts, which are n-grams
    for shorter, level in zip(trie.levels, trie.levels[1:], strict=False):
        own, empty = np.diff(level.starts), np.flatnonzero(np.diff(level.starts) == 0)
        if np.diff(shorter.starts)[suffixes].sum(dtype=np.int64) > _MOST_POSSIBLE * len(
            level.tokens
        ):
            contexts = np.repeat(suffixes, own)
            suffixes = shorter.find(contexts, level.tokens.astype(np.int64))
            yield _Structure(is_there=None, empty=empty, suffixes=suffixes)
            continue
        widths, possible = shorter.successors(suffixes)
        contexts = np.repeat(np.arange(len(widths)), widths)
        found = level.find(contexts, shorter.tokens[possible].astype(np.int64)) >= 0
        is_open = (widths > 1) & (own > 0)
        suffixes = possible[found]
        yield _Structure(
            is_there=found[np.repeat(is_open, widths)],
            empty=empty,
            suffixes=suffixes,
        )


def find_counts(level: Level) -> np.ndarray | None:
    """Return how often each n-gram of the longest was counted, int64; None if that is not found.

    A context's n-grams weigh (count - discount) / total, and its counts add up to the total. The
    discounts show where one token alone continues a context: it leaves discount / count, and most
    of these were seen once, then twice, then three times.
    """
    widths = np.diff(level.starts)
    values, often = np.unique(level.left[widths == 1], return_counts=True)
    likely = values[np.argsort(-often, kind="stable")][:3].astype(np.float64)
    discounts = np.array([0.0, *likely * np.arange(1, len(likely) + 1)])
    if len(discounts) < 4 or (discounts[1:] >= np.arange(1, 4)).any():
        return None
    return _solve(level, widths, discounts)


def _solve(level: Level, widths: np.ndarray, discounts: np.ndarray) -> np.ndarray | None:
    """Return the counts of all n-grams; None if there are none with these discounts.

    The total of a context follows from what its first n-gram weighs, for a guess at its count.
    """
    found = np.zeros(len(level.tokens), np.int64)
    contexts = np.flatnonzero(widths)
    for guess in range(1, _MOST_GUESSES):
        if not len(contexts):
            return found
        if guess > _FEW_GUESSES and len(contexts) > len(widths) / 10:
            return None
        sizes = widths[contexts]
        starts = np.cumsum(sizes) - sizes
        firsts = level.discounted[level.starts[contexts]].astype(np.float64)
        totals = np.rint((guess - discounts[min(guess, 3)]) / firsts)
        _, ngrams = level.successors(contexts)
        scaled = level.discounted[ngrams] * np.repeat(totals, sizes)
        counted = _counts_of(scaled, discounts)
        off = np.abs(counted - discounts.take(counted, mode="clip") - scaled)
        is_solved = np.add.reduceat(counted, starts) == totals
        is_solved &= np.maximum.reduceat(off, starts) < 2e-6 * totals
        is_kept = np.repeat(is_solved, sizes)
        found[ngrams[is_kept]] = counted[is_kept]
        contexts = contexts[~is_solved]
    return None


def _counts_of(scaled: np.ndarray, discounts: np.ndarray) -> np.ndarray:
    """Return the counts, int64, that are closest to numbers without what was taken from them."""
    counted: np.ndarray = np.maximum(np.rint(scaled + discounts[3]), 3).astype(np.int64)
    for count in (2, 1):
        counted[np.abs(scaled - (count - discounts[count])) < 0.02] = count
    return counted


def _is_smoothed(trie: Trie, structures: list[_Structure], longest: np.ndarray) -> bool:
    """Whether smoothing these counts, and those of shorter n-grams, gives the numbers of a trie."""
    counts = [
        np.bincount(each.suffixes, minlength=len(level.tokens))
        for level, each in zip(trie.levels, structures, strict=False)
    ]
    for level, counted in zip(trie.levels, [*counts, longest], strict=True):
        discounted, left = smooth(counted, level.starts)
        if not (np.array_equal(discounted, level.discounted) and np.array_equal(left, level.left)):
            return False
    return True
