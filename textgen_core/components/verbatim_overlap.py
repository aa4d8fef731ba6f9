"""Which spans of some short texts occur verbatim in a long one, which is read once.

The short texts become a suffix automaton (Blumer et al. 1985), through which the long text is fed
character by character. Where only spans of some length count, numpy first looks by rolling hashes
for the few places that could hold one, so that a gigabyte takes seconds. The automaton decides: a
hash that collides costs time, and no more. Memory depends on the short texts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Chunk = tuple[str, bool]  # of the long text, and whether its document ends with it
Span = tuple[int, int]  # first character, and the one after the last

_BLOCK = 1 << 20  # characters read at once
_FIRST_BLOCK = 1 << 16  # while nothing is known yet, and so nothing can be skipped
_BITS = 21  # of a hash, an index of the table of what may match
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)  # odd, and of no pattern


def find_verbatim_spans(
    texts: Sequence[str], chunks: Iterable[Chunk], at_least: int
) -> list[list[Span]]:
    """Return for each text its longest spans that occur verbatim in the long one, in their order.

    Of at least `at_least` characters; none lies within another, but two may overlap. `chunks` are
    the long text's: no span reaches from one document into the next.
    """
    automaton = _Automaton(texts)
    shortest = max(1, at_least)
    for block in _blocks(chunks, texts, _BLOCK):
        automaton.feed(_candidates(block, texts, shortest))
    return [
        [(stop - size, stop) for size, stop in _maximal(sizes) if size >= shortest]
        for sizes in automaton.matches()
    ]


def measure_longest_verbatim(texts: Sequence[str], chunks: Iterable[Chunk]) -> list[int]:
    """Return for each text the characters of its longest span that occurs in the long one."""
    automaton = _Automaton(texts)
    longest = [0] * len(texts)
    for block in _blocks(chunks, texts, _FIRST_BLOCK):
        # Only a span longer than the one found is still of interest.
        growing = [size for size, text in zip(longest, texts, strict=True) if size < len(text)]
        if not growing:
            break
        automaton.feed(_candidates(block, texts, 1 + min(growing)))
        longest = [max(sizes, default=0) for sizes in automaton.matches()]
    return longest


def _maximal(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield size and end of each span that the next character does not extend."""
    for place, size in enumerate(sizes):
        if size and (place + 1 == len(sizes) or sizes[place + 1] <= size):
            yield size, place + 1


def _blocks(chunks: Iterable[Chunk], texts: Sequence[str], first: int) -> Iterator[str]:
    """Yield the long text in blocks, each with as much of the one before as a span may need.

    A character that no text holds separates the documents.
    """
    reach = max((len(text) for text in texts), default=0)
    known = set().union(*texts)
    border = next(chr(code) for code in range(0x10FFFF, 0, -1) if chr(code) not in known)
    waiting: list[str] = []
    held, wanted = 0, first
    for text, ends_document in chunks:
        waiting.append(text + border if ends_document else text)
        held += len(waiting[-1])
        if held >= wanted:
            block = "".join(waiting)
            yield block
            waiting = [block[-reach:]] if reach else []
            held, wanted = 0, _BLOCK
    if held:
        yield "".join(waiting)


def _candidates(block: str, texts: Sequence[str], shortest: int) -> Iterator[str]:
    """Yield the spans of a block that hold every match of at least `shortest` characters."""
    import numpy as np

    if shortest == 1:
        yield block
        return
    table = np.zeros((1 << _BITS,), np.bool_)
    for text in texts:
        table[_hashes(text, shortest)] = True
    hits = np.flatnonzero(table[_hashes(block, shortest)])
    if not len(hits):
        return
    gaps = np.flatnonzero(np.diff(hits) > 1)
    starts, lasts = hits[np.r_[0, gaps + 1]], hits[np.r_[gaps, -1]]
    for start, last in zip(starts.tolist(), lasts.tolist(), strict=True):
        yield block[start : last + shortest]


def _hashes(text: str, length: int) -> np.ndarray:
    """Return a hash of `_BITS` bits of every span of `length`, int64 `(spans,)`.

    The hash of a span is made from those of its halves.
    """
    import numpy as np

    if len(text) < length:
        return np.zeros((0,), np.int64)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    power = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(_MULTIPLIERS[0])
    power ^= power >> np.uint64(29)
    whole: np.ndarray | None = None
    done, size = 0, 1
    while True:
        if length & size:
            # The span so far, followed by the next `size` characters.
            whole = power if whole is None else _joined(whole, power[done:])
            done += size
        if done == length:
            break
        power = _joined(power, power[size:])
        size *= 2
    assert whole is not None
    mixed = (whole ^ (whole >> np.uint64(32))) * np.uint64(_MULTIPLIERS[1])
    hashes: np.ndarray = (mixed >> np.uint64(64 - _BITS)).astype(np.int64)
    return hashes


def _joined(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    import numpy as np

    size = min(len(left), len(right))
    joined: np.ndarray = left[:size] * np.uint64(_MULTIPLIERS[1])
    joined += right[:size]
    joined ^= joined >> np.uint64(31)
    joined *= np.uint64(_MULTIPLIERS[0])
    return joined


class _Automaton:
    """The suffix automaton of the texts, which remembers what was fed through it.

    A state represents the spans that end at the same places of the texts; `lengths` has the longest
    of them, `links` the state of the longest one that ends at more places.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._steps: list[dict[str | int, int]] = [{}]
        self._links = [-1]
        self._lengths = [0]
        self._ends: list[list[int]] = []  # the state of each beginning of a text
        last = 0
        for text in texts:
            ends = []
            for character in text:
                last = self._extend(last, character)
                ends.append(last)
            self._ends.append(ends)
            last = self._extend(last, -1)  # a border, which no text that is fed can hold
        self._found = [0] * len(self._links)  # the longest match that ended in a state

    def feed(self, spans: Iterable[str]) -> None:
        """Follow each of some spans of the long text."""
        steps, links, lengths, found = self._steps, self._links, self._lengths, self._found
        for span in spans:
            state = length = 0
            for character in span:
                following = steps[state].get(character)
                if following is None:
                    while state and following is None:
                        state = links[state]
                        following = steps[state].get(character)
                    length = lengths[state]
                    if following is None:
                        continue
                state = following
                length += 1
                if found[state] < length:
                    found[state] = length

    def matches(self) -> list[list[int]]:
        """Return for each place of each text the longest span ending there that was fed."""
        found, links = self._found, self._links
        by_length = sorted(range(1, len(links)), key=self._lengths.__getitem__)
        for state in reversed(by_length):
            link = links[state]
            if found[state] and link:
                found[link] = self._lengths[link]
        longest = list(found)  # a match of the state itself, or else of one that it ends with
        for state in by_length:
            if not longest[state]:
                longest[state] = longest[links[state]]
        return [[longest[state] for state in ends] for ends in self._ends]

    def _extend(self, last: int, character: str | int) -> int:
        """Add a character after the state `last`, and return the state of the whole."""
        steps, links, lengths = self._steps, self._links, self._lengths
        state = self._add({}, 0, lengths[last] + 1)
        at = last
        while at >= 0 and character not in steps[at]:
            steps[at][character] = state
            at = links[at]
        if at < 0:
            return state
        following = steps[at][character]
        if lengths[following] == lengths[at] + 1:
            links[state] = following
            return state
        clone = self._add(dict(steps[following]), links[following], lengths[at] + 1)
        while at >= 0 and steps[at].get(character) == following:
            steps[at][character] = clone
            at = links[at]
        links[following] = links[state] = clone
        return state

    def _add(self, steps: dict[str | int, int], link: int, length: int) -> int:
        self._steps.append(steps)
        self._links.append(link)
        self._lengths.append(length)
        return len(self._links) - 1
