"""Words as numbers: how a text falls into words, and what is counted of them.

A word is a run of letters, digits and marks, joined by single apostrophes or hyphens, as written:
its case counts. Scripts without spaces between words give long runs, which the advice says. This
module knows nothing about lines, sentences or tokenizers.

Word ids are in the order of first occurrence; id 0 is no word but the border of a document, so that
no n-gram reaches across one.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import numpy as np

SPACE = re.compile(r"\s")
PIECE = 1 << 20  # characters of which the words are held as strings at a time
BORDER = 0
NGRAM_WORDS = 5_000_000  # n-grams of more words are counted on a sample
NGRAM_WINDOWS = 50
SHOWN = 60  # characters of a word in a list


@attrs.frozen(kw_only=True, eq=False)
class Words:
    """The words of a text.

    ids: int32 `(words + borders,)`; vocabulary: the word of each id, that of the border empty.
    """

    ids: np.ndarray
    vocabulary: tuple[str, ...]


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


def read_words(documents: Iterable[str]) -> Words:
    """Return the words of `documents`; they are read piece by piece."""
    import numpy as np

    find = word_pattern().findall
    index: defaultdict[str, int] = defaultdict(itertools.count(1).__next__)
    ids = array("i")
    for document in documents:
        for piece in pieces_of(document, SPACE):
            ids.extend(map(index.__getitem__, find(piece)))
        ids.append(BORDER)
    return Words(ids=np.frombuffer(ids, np.int32), vocabulary=("", *index))


def pieces_of(text: str, border: re.Pattern[str], size: int = PIECE) -> Iterator[str]:
    """Yield `text` in pieces of at least `size` characters that end with a match of `border`."""
    start = 0
    while start < len(text):
        match = border.search(text, start + size)
        end = match.end() if match else len(text)
        yield text[start:end]
        start = end


def ratios_in_slices(ids: np.ndarray, slices: int) -> tuple[float, ...]:
    """Return the type/token ratio of each of `slices` slices of equally many words.

    ids: int32 `(words,)` without borders. Fewer words than slices give no ratios.
    """
    import numpy as np

    if len(ids) < slices:
        return ()
    borders = np.linspace(0, len(ids), slices + 1).astype(np.int64)
    return tuple(
        float(np.count_nonzero(np.bincount(ids[start:end])) / (end - start))
        for start, end in itertools.pairwise(borders)
    )


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
    types = [len(np.unique(ids[slice_ * length : (slice_ + 1) * length])) for slice_ in chosen]
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

    Of equally frequent ones those come first whose words occurred first.
    """
    import numpy as np

    starts = len(ids) - order + 1
    if starts <= 0:
        return ()
    columns = [ids[shift : shift + starts] for shift in range(order)]
    inside = np.all([column != BORDER for column in columns], axis=0)
    places = np.flatnonzero(inside)
    keys = columns[0][places].astype(np.int64)
    for column in columns[1:]:  # pairs are numbered anew each time, so no key outgrows 64 bits
        _, keys = np.unique(keys, return_inverse=True)
        keys = keys * np.int64(len(words.vocabulary)) + column[places]
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    best = np.argsort(-counts, kind="stable")[:most]
    return tuple((_shown(words, ids[places[first[at]] :][:order]), int(counts[at])) for at in best)


def _shown(words: Words, ids: np.ndarray) -> str:
    names = [words.vocabulary[word] for word in ids]
    return " ".join(name if len(name) <= SHOWN else name[: SHOWN - 1] + "…" for name in names)


def _ranges(codes: Iterable[int]) -> str:
    """Return ascending code points as the inside of a character set."""
    groups = itertools.groupby(enumerate(codes), lambda place: place[1] - place[0])
    runs = ([code for _, code in group] for _, group in groups)
    return "".join(f"\\u{run[0]:04x}-\\u{run[-1]:04x}" for run in runs)
