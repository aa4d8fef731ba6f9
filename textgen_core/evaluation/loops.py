"""Phrases that a text repeats over and over, and how much of it was said before.

Counts words and punctuation marks of any script, whatever the model's tokens are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from textgen_core.components.words import word_spans

_LONGEST_PHRASE = 50  # units whose repeating counts as a loop
_LEAST_LOOP = 8  # units in all: people say "no, no, no" too
_ORDER = 4


@attrs.frozen(kw_only=True)
class RepeatedPhrase:
    """A phrase that the sample of this number repeats so many times in a row."""

    text: str
    times: int
    sample: int


def find_loops(samples: Sequence[str], most: int = 10) -> list[RepeatedPhrase]:
    """Return the longest loop of each sample that has one, those of the most characters first.

    A loop is a phrase of up to 50 words, three times or more in a row, of at least 8 words in all.
    """
    loops = [loop for number, text in enumerate(samples) if (loop := _longest_loop(text, number))]
    return sorted(loops, key=lambda loop: -len(loop.text) * loop.times)[:most]


def share_repeated(spans: Iterable[str]) -> list[float | None]:
    """Return for each span of one text the share of its four-grams that occurred before.

    Of words; a four-gram belongs to the span that its last word begins in. None for a span without
    one.
    """
    joined, ends = "", []
    for span in spans:
        joined += span
        ends.append(len(joined))
    units = _units(joined)
    seen: set[tuple[str, ...]] = set()
    counted, repeated = [0] * len(ends), [0] * len(ends)
    place = 0
    for last in range(_ORDER - 1, len(units)):
        while units[last][0] >= ends[place]:
            place += 1
        ngram = tuple(joined[start:stop] for start, stop in units[last - _ORDER + 1 : last + 1])
        counted[place] += 1
        repeated[place] += ngram in seen
        seen.add(ngram)
    return [part / whole if whole else None for part, whole in zip(repeated, counted, strict=True)]


def _longest_loop(text: str, sample: int) -> RepeatedPhrase | None:
    spans = _units(text)
    units = [text[start:stop] for start, stop in spans]
    best, found = _LEAST_LOOP - 1, None
    for period in range(1, min(_LONGEST_PHRASE, len(units) // 3) + 1):
        run = 0  # units equal to the one a period before
        for place in range(period, len(units)):
            run = run + 1 if units[place] == units[place - period] else 0
            if run >= 2 * period and run + period > best:
                best, found = run + period, (place - run - period + 1, period)
    if found is None:
        return None
    first, period = found
    phrase = text[spans[first][0] : spans[first + period - 1][1]]
    return RepeatedPhrase(text=phrase, times=best // period, sample=sample)


def _units(text: str) -> list[tuple[int, int]]:
    """Return where each word begins and ends, or each character where there are none."""
    # An untrained model may write white space alone.
    return word_spans(text) or [(at, at + 1) for at in range(len(text))]
