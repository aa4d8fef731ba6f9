"""How a text falls into words, and what is counted of them in their order.

A word is a run of letters, digits and marks, joined by single apostrophes or hyphens, as written:
its case counts. Scripts without spaces between words give long runs, which the advice says. This
module knows nothing about lines, sentences or tokenizers.

Words come as ids, in the order of first occurrence; id 0 is no word but the border of a document,
so that no n-gram reaches across one.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import attrs

from textgen_core.corpus.analysis.blocks import Block, EvenSample
from textgen_core.corpus.analysis.vocabulary import shown

if TYPE_CHECKING:
    import numpy as np

PARAGRAPH_END = re.compile(r"\n(?:[^\S\n]*+\n)++")
BORDER = 0
SAMPLE_WORDS = 12_000_000  # the order of more words is known on a sample
NGRAM_WORDS = 3_000_000  # n-grams of more words are counted on a sample
NGRAM_WINDOWS = 50


@attrs.frozen(kw_only=True)
class BlockWords:
    """The words of a block, unit after unit: documents, or the paragraphs of the only one.

    words: of all units. sizes: words of each unit. units: the text of each. part_sizes: words of
    each part of the block. ends_document, ends_unit: whether the last of them ends here.
    """

    words: list[str]
    sizes: list[int]
    units: Sequence[str]
    part_sizes: list[int]
    ends_document: bool
    ends_unit: bool


@attrs.frozen(kw_only=True, eq=False)
class Words:
    """Words in their order, all of a text or a sample of it.

    ids: int32 `(words + borders,)`; names: the word of each id, that of the border empty. Ids
    beyond the names are of rare words. is_sample: whether words were left out.
    """

    ids: np.ndarray
    names: Sequence[str]
    is_sample: bool


@cache
def word_pattern() -> re.Pattern[str]:
    r"""Return the pattern of a word.

    `\w` lacks the combining marks, without which the words of Hindi, say, would fall apart, and the
    joiners inside Persian ones. A set of `\w` and those marks is searched from end to end for every
    space; one of characters alone is a bitmap, and fifty times as fast. Beyond the first plane all
    but the pictures count as letters.
    """
    letters = _ranges(
        code
        for code in range(0x10000)
        if chr(code).isalnum() or unicodedata.category(chr(code)) in ("Mn", "Mc", "Pc")
    )
    letter = rf"[{letters}\u200c\u200d\U00010000-\U0001EFFF\U00020000-\U0003FFFF]"
    return re.compile(rf"{letter}++(?:['’‐-]{letter}++)*+")


def split_words(block: Block, *, by_paragraph: bool) -> BlockWords:
    """Return the words of a block; its units are its parts or, `by_paragraph`, those of the text.

    A paragraph ends with the block.
    """
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
    """Keeps the ids of words in their order, in bounded memory."""

    def __init__(self) -> None:
        self._ids: EvenSample[np.ndarray] = EvenSample(SAMPLE_WORDS)

    def add(self, block: BlockWords, ids: np.ndarray) -> None:
        """Take the ids of the next block's words, int32 `(words,)`."""
        import numpy as np

        if not self._ids.wants_next():
            self._ids.offer(None, 0)
            return
        ends = np.cumsum(block.part_sizes)
        if not block.ends_document:
            ends = ends[:-1]
        ids = np.insert(ids, ends, np.int32(BORDER))
        self._ids.offer(ids, len(ids))

    def finish(self, names: Sequence[str]) -> Words:
        """Return the words that were kept; names: the word of each id."""
        import numpy as np

        kept = self._ids.items()
        border = np.array([BORDER] if self._ids.step > 1 else [], np.int32)
        ids = np.concatenate([part for each in kept for part in (each, border)] or [border])
        return Words(ids=ids, names=names, is_sample=self._ids.step > 1)


def ratios_in_slices(ids: np.ndarray, slices: int) -> tuple[float, ...]:
    """Return the type/token ratio of each of `slices` slices of equally many words.

    ids: int32 `(words,)` without borders. Fewer words than slices give no ratios.
    """
    return tuple(count_types(part) / len(part) for part in slices_of(ids, slices))


def slices_of(ids: np.ndarray, slices: int) -> list[np.ndarray]:
    """Return `slices` parts of equally many words, none if there are fewer words than slices."""
    import numpy as np

    return [] if len(ids) < slices else np.array_split(ids, slices)


def count_types(ids: np.ndarray) -> int:
    """Return how many different words there are."""
    import numpy as np

    return len(np.unique(ids))


def ratio_per_slice(ids: np.ndarray, length: int, most: int = 1000) -> float | None:
    """Return the mean type/token ratio of slices of `length` words, `most` of them spread evenly.

    Unlike that of the whole text it can be compared between texts of unequal length. None if there
    is not one whole slice.
    """
    import numpy as np

    count = len(ids) // length
    if not count:
        return None
    chosen = np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
    types = [count_types(ids[slice_ * length : (slice_ + 1) * length]) for slice_ in chosen]
    return float(np.mean(types) / length)


def sample_for_ngrams(ids: np.ndarray) -> np.ndarray:
    """Return what n-grams are counted on: all of `ids`, or windows spread evenly over them."""
    import numpy as np

    if len(ids) <= NGRAM_WORDS:
        return ids
    size = NGRAM_WORDS // NGRAM_WINDOWS
    starts = np.linspace(0, len(ids) - size, NGRAM_WINDOWS).astype(np.int64)
    border = np.array([BORDER], np.int32)
    return np.concatenate([part for at in starts for part in (ids[at : at + size], border)])


def top_ngrams(words: Words, ids: np.ndarray, order: int, most: int) -> tuple[tuple[str, int], ...]:
    """Return the `most` frequent n-grams of `order` words in `ids`, each with its count.

    Of equally frequent ones those come first whose words occurred first. Words without a name
    are in no n-gram.
    """
    import numpy as np

    starts = len(ids) - order + 1
    if starts <= 0:
        return ()
    columns = [ids[shift : shift + starts] for shift in range(order)]
    names = len(words.names)
    inside = np.all([(column != BORDER) & (column < names) for column in columns], axis=0)
    places = np.flatnonzero(inside)
    keys = columns[0][places].astype(np.int64)
    for column in columns[1:]:  # pairs are numbered anew each time, so no key outgrows 64 bits
        _, keys = np.unique(keys, return_inverse=True)
        keys = keys * np.int64(names) + column[places]
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    best = np.argsort(-counts, kind="stable")[:most]
    return tuple((phrase(words, ids[places[first[at]] :][:order]), int(counts[at])) for at in best)


def phrase(words: Words, ids: Iterable[int]) -> str:
    """Return words by their ids, with spaces between them, each as a list shows it."""
    return " ".join(shown(words.names[word]) for word in ids)


def _ranges(codes: Iterable[int]) -> str:
    """Return ascending code points as the inside of a character set."""
    groups = itertools.groupby(enumerate(codes), lambda place: place[1] - place[0])
    runs = ([code for _, code in group] for _, group in groups)
    return "".join(f"\\u{run[0]:04x}-\\u{run[-1]:04x}" for run in runs)
