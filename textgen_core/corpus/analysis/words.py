"""How a text falls into words, and what is counted of them in their order.

A word is a run of letters, digits and marks, joined by single apostrophes or hyphens, as written:
its case counts. Scripts without spaces between words give long runs, which the advice says.

Words come as ids, in the order of first occurrence; id 0 is no word but the border of a document,
so that no n-gram reaches across one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain

import attrs
import numpy as np

from textgen_core.corpus.analysis.blocks import Block, EvenSample
from textgen_core.corpus.analysis.vocabulary import Counted, shown
from textgen_core.corpus.text import word_pattern

PARAGRAPH_END = re.compile(r"\n(?:[^\S\n]*+\n)++")
BORDER = 0
SAMPLE_WORDS = 12_000_000  # the order of more words is known on a sample
NGRAM_WORDS = 3_000_000  # n-grams of more words are counted on a sample
NGRAM_WINDOWS = 50


@attrs.frozen(kw_only=True)
class BlockWords:
    """The words of a block, unit after unit: documents, or the paragraphs of the only one."""

    words: list[str]
    sizes: list[int]  # words of each unit
    units: Sequence[str]  # the text of each
    part_sizes: list[int]  # words of each part of the block
    ends_document: bool
    ends_unit: bool  # whether the last unit ends here


@attrs.frozen(kw_only=True, eq=False)
class Words:
    """Words in their order, all of a text or a sample of it."""

    ids: np.ndarray  # int32 `(words + borders,)`
    names: Sequence[str]  # of each id, that of the border empty; rare words have ids beyond them
    is_sample: bool


def split_words(block: Block, *, by_paragraph: bool = False) -> BlockWords:
    """Return the words of a block; its units are parts or paragraphs, which end with the block."""
    find = word_pattern().findall
    part_units = [PARAGRAPH_END.split(part) if by_paragraph else [part] for part in block.parts]
    found = [[find(unit) for unit in units] for units in part_units]
    return BlockWords(
        words=list(chain.from_iterable(chain.from_iterable(found))),
        sizes=[len(words) for lists in found for words in lists],
        units=list(chain.from_iterable(part_units)),
        part_sizes=[sum(map(len, lists)) for lists in found],
        ends_document=block.ends_document,
        ends_unit=by_paragraph or block.ends_document,
    )


class WordSampler:
    """Keeps the ids of words in their order, at most `most` of them."""

    def __init__(self, most: int = SAMPLE_WORDS) -> None:
        self._ids: EvenSample[np.ndarray] = EvenSample(most)

    def add(self, block: BlockWords, ids: np.ndarray) -> None:
        """Take the ids of the next block's words, int32 `(words,)`."""
        ends = np.cumsum(block.part_sizes)[: None if block.ends_document else -1]
        self._ids.offer(len(ids) + len(ends), lambda: np.insert(ids, ends, np.int32(BORDER)))

    def finish(self, names: Sequence[str]) -> Words:
        """Return the words that were kept; names: the word of each id."""
        is_sample = self._ids.step > 1
        border = np.array([BORDER] if is_sample else [], np.int32)
        ids = np.concatenate([border, *chain(*((each, border) for each in self._ids.items()))])
        return Words(ids=ids[len(border) :], names=names, is_sample=is_sample)


def ratios_in_slices(ids: np.ndarray, slices: int) -> tuple[float, ...]:
    """Return the type/token ratio of each slice; ids: int32 `(words,)` without borders."""
    return tuple(len(np.unique(part)) / len(part) for part in slices_of(ids, slices))


def slices_of(ids: np.ndarray, slices: int) -> list[np.ndarray]:
    """Return `slices` parts of equally many words, none if there are fewer words than slices."""
    return [] if len(ids) < slices else np.array_split(ids, slices)


def ratio_per_slice(ids: np.ndarray, length: int, most: int = 1000) -> float | None:
    """Return the mean type/token ratio of at most `most` slices of `length` words; None of none."""
    whole = ids[: len(ids) // length * length].reshape(-1, length)
    if not len(whole):
        return None
    chosen = np.linspace(0, len(whole) - 1, min(len(whole), most)).astype(np.int64)
    return float(np.mean([len(np.unique(part)) for part in whole[chosen]]) / length)


def sample_for_ngrams(ids: np.ndarray, most: int = NGRAM_WORDS) -> np.ndarray:
    """Return what n-grams are counted on: all of `ids`, or `most` in windows spread evenly."""
    if len(ids) <= most:
        return ids
    size = most // NGRAM_WINDOWS
    starts = np.linspace(0, len(ids) - size, NGRAM_WINDOWS).astype(np.int64)
    border = np.array([BORDER], np.int32)
    return np.concatenate([part for at in starts for part in (ids[at : at + size], border)])


def top_ngrams(words: Words, ids: np.ndarray, order: int, most: int) -> Counted:
    """Return the `most` frequent n-grams of `order` named words, equals by their words, counted."""
    starts = len(ids) - order + 1
    if starts <= 0:
        return ()
    columns = [ids[shift : shift + starts] for shift in range(order)]
    names = len(words.names)
    inside = np.all([(column != BORDER) & (column < names) for column in columns], axis=0)
    places = np.flatnonzero(inside)
    keys = columns[0][places].astype(np.int64)
    for column in columns[1:]:  # pairs are renumbered each time, so no key outgrows 64 bits
        _, keys = np.unique(keys, return_inverse=True)
        keys = keys * np.int64(names) + column[places]
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    best = np.argsort(-counts, kind="stable")[:most]
    return tuple((phrase(words, ids[places[first[at]] :][:order]), int(counts[at])) for at in best)


def phrase(words: Words, ids: Iterable[int]) -> str:
    """Return words by their ids, with spaces between them, each as a list shows it."""
    return " ".join(shown(words.names[word]) for word in ids)
