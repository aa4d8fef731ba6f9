"""What comes again and again in a text: long phrases, and lines of one shape.

A phrase is a sequence of at least five words that occurs three times or more and is as long as it
can be: with one more word at either end it would occur less often. Two lines are of one shape if
they differ in nothing but numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np

from textgen_core.corpus.analysis.hashing import hash_sequences, mixed
from textgen_core.corpus.analysis.vocabulary import Counted
from textgen_core.corpus.analysis.words import BORDER, Words, phrase
from textgen_core.corpus.text import fold_newlines

LEAST_WORDS = 5
LEAST_TIMES = 3
LENGTHS = (40, 20, 10, 5)  # words of the sequences that phrases grow from, the longest first
LONGEST = 300
TRIED = 200  # sequences of each length
SHOWN_WORDS = 12  # of a phrase

LINE_WITH_NUMBER = re.compile(r"^[^\n\d]{0,100}+\d[^\n]{0,100}+$", re.MULTILINE)
NUMBER = re.compile(r"\d+")
# A line of a table of contents: dots, or dots with spaces, that lead to the number of a page.
LEADER = re.compile(r"^.*?\S\s*(?:\.{4,}+|(?:\. ){3,}+\.?|…{2,}+)\s*(?:\d+|[ivxlc]+)\s*$")
CONTENTS = "(a title) ..... #"
SHAPES = 100_000  # different shapes that are remembered


def find_phrases(words: Words, ids: np.ndarray, most: int) -> Counted:
    """Return the `most` recurrent phrases of `ids`, with how often each occurs.

    Those come first that make up most of the text, and of two of which one is a part of the other,
    about as often, the longer one alone. A phrase of more than 300 words is cut there.
    """
    known = (ids != BORDER) & (ids < len(words.names))
    numbers = mixed(ids.astype(np.uint64) + np.uint64(1))
    found: dict[tuple[int, ...], int] = {}
    taken = np.zeros(len(ids), bool)
    starts = np.flatnonzero(known)
    groups_of = {}
    for length in reversed(LENGTHS):  # what recurs as a long sequence does so as a short one
        starts, groups_of[length] = _recurrent(numbers, known, starts, length)
    for length in LENGTHS:
        for places in _best_groups(*groups_of[length], length, taken):
            first, last = _grown(ids, known, places, length)
            for offset in range(first, last):
                taken[places + offset] = True
            sequence = _one_period(ids[places[0] + first : places[0] + last].tolist())
            times = _apart(places, len(sequence))
            if times >= LEAST_TIMES:
                found.setdefault(tuple(sequence), times)
    return _best_of(words, found, most)


def find_line_shapes(texts: Iterable[str], most: int, remembered: int = SHAPES) -> Counted:
    """Return the `most` frequent shapes of lines with a number, which is written `#`.

    All lines of a table of contents, with dots that lead to a page, are one shape. Shapes that
    occur once, and lines of more than 200 characters, are left out.
    """
    shapes: Counter[str] = Counter()
    for text in texts:
        lines = LINE_WITH_NUMBER.findall(fold_newlines(text)[0])
        shapes.update(map(shape_of, lines))
        if len(shapes) > remembered:
            shapes = Counter(dict(shapes.most_common(remembered // 2)))
    return tuple(item for item in shapes.most_common(most) if item[1] >= LEAST_TIMES)


def shape_of(line: str) -> str:
    """Return a line with `#` for its numbers, or what a line of a table of contents is."""
    if (".." in line or ". ." in line or "……" in line) and LEADER.match(line):
        return CONTENTS
    return NUMBER.sub("#", " ".join(line.split()))


def _recurrent(
    numbers: np.ndarray, known: np.ndarray, starts: np.ndarray, length: int
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return the starts of recurrent sequences, ascending, and again as places between borders."""
    starts = starts[starts <= len(numbers) - length]
    for shift in range(length):
        starts = starts[known[starts + shift]]
    keys = hash_sequences(numbers[starts + shift] for shift in range(length))
    order = np.argsort(keys, kind="stable")
    _, sizes = np.unique(keys[order], return_counts=True)
    recurs = sizes >= LEAST_TIMES
    places = starts[order][np.repeat(recurs, sizes)]
    return np.sort(places), (places, np.concatenate([[0], np.cumsum(sizes[recurs])]))


def _best_groups(
    places: np.ndarray, borders: np.ndarray, length: int, taken: np.ndarray
) -> Iterable[np.ndarray]:
    """Yield the places of the most frequent sequences that no longer phrase has taken."""
    if not len(places):
        return
    free = np.add.reduceat(~taken[places], borders[:-1])
    for group in np.argsort(-free, kind="stable")[:TRIED]:
        here = places[borders[group] : borders[group + 1]]
        free_here = ~(taken[here] | taken[here + length - 1])  # a phrase before may have taken it
        if np.count_nonzero(free_here) * 2 > len(here):
            yield here


def _grown(ids: np.ndarray, known: np.ndarray, places: np.ndarray, length: int) -> tuple[int, int]:
    """Return the offsets, first and end, of the longest phrase on which all places agree."""
    first, last = 0, length
    while last - first < LONGEST and _agree(ids, known, places + last):
        last += 1
    while last - first < LONGEST and _agree(ids, known, places + first - 1):
        first -= 1
    return first, last


def _one_period(sequence: list[int]) -> list[int]:
    """Return what a sequence repeats, if it is two or more copies of something."""
    for period in range(1, len(sequence) // 2 + 1):
        if sequence[period:] == sequence[:-period]:
            return sequence[:period]
    return sequence


def _agree(ids: np.ndarray, known: np.ndarray, places: np.ndarray) -> bool:
    """Return whether the same word stands at all places."""
    is_inside = places[0] >= 0 and places[-1] < len(ids)
    return is_inside and bool(known[places[0]] and (ids[places] == ids[places[0]]).all())


def _apart(places: np.ndarray, length: int) -> int:
    """Return how many of the places, ascending, are not within the phrase at one before."""
    count, end = 0, -1
    for place in places.tolist():
        if place >= end:
            count, end = count + 1, place + length
    return count


def _best_of(words: Words, found: dict[tuple[int, ...], int], most: int) -> Counted:
    """Return phrases as text, those first that make up most of it."""
    kept: dict[str, tuple[str, int]] = {}
    for sequence, times in sorted(found.items(), key=lambda item: -item[1] * len(item[0])):
        key = f" {' '.join(map(str, sequence))} "
        if any(
            (key in other or other in key) and max(times, often) < 2 * min(times, often)
            for other, (_, often) in kept.items()
        ):
            continue  # one is a part of the other, and about as frequent
        text = phrase(words, sequence[:SHOWN_WORDS])
        kept[key] = text + " …" * (len(sequence) > SHOWN_WORDS), times
        if len(kept) == most:
            break
    return tuple(kept.values())
