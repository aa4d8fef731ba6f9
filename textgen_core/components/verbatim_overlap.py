"""Which stretches of some short texts stand word for word in a long one, which is read once.

The short texts become a suffix automaton (Blumer et al. 1985), through which the long text is fed
character by character. Where only stretches of some length count, numpy first looks by rolling
hashes for the few places that could hold one, so that a gigabyte takes seconds, and the automaton
has the last word: a hash that collides costs time, and no more. Memory depends on the short texts
alone. This module knows nothing about models, words or tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# A long text's piece, and whether its document ends with it.
Piece = tuple[str, bool]
Span = tuple[int, int]  # first character, and the one after the last

_BLOCK = 1 << 20  # characters read at once
_FIRST_BLOCK = 1 << 16  # where nothing is known yet, and so nothing can be passed over
_BITS = 21  # of a hash that a table of what may matter is looked up by
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)  # odd, and of no pattern


def find_copies(texts: Sequence[str], pieces: Iterable[Piece], at_least: int) -> list[list[Span]]:
    """Return for each text the longest stretches that stand in the long one word for word.

    Of at least `at_least` characters, in their order; none lies within another, but two may
    overlap. `pieces` are the long text's: no stretch reaches from one document into the next.
    """
    automaton = _Automaton(texts)
    shortest = max(1, at_least)
    for block in _blocks(pieces, texts, _BLOCK):
        automaton.feed(_candidates(block, texts, shortest))
    return [
        [(stop - size, stop) for size, stop in _maximal(sizes) if size >= shortest]
        for sizes in automaton.matches()
    ]


def measure_longest_copies(texts: Sequence[str], pieces: Iterable[Piece]) -> list[int]:
    """Return for each text how many characters of it at once stand in the long one, at most."""
    automaton = _Automaton(texts)
    longest = [0] * len(texts)
    for block in _blocks(pieces, texts, _FIRST_BLOCK):
        # What has been found shows what is still of interest: a longer stretch.
        growing = [size for size, text in zip(longest, texts, strict=True) if size < len(text)]
        if not growing:
            break
        automaton.feed(_candidates(block, texts, 1 + min(growing)))
        longest = [max(sizes, default=0) for sizes in automaton.matches()]
    return longest


def _maximal(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield size and end of each stretch that the next character does not prolong."""
    for place, size in enumerate(sizes):
        if size and (place + 1 == len(sizes) or sizes[place + 1] <= size):
            yield size, place + 1


def _blocks(pieces: Iterable[Piece], texts: Sequence[str], first: int) -> Iterator[str]:
    """Yield the long text in blocks, each with as much of the one before as a stretch may need.

    Documents are parted by a character that no text holds.
    """
    reach = max((len(text) for text in texts), default=0)
    known = set().union(*texts)
    border = next(chr(code) for code in range(0x10FFFF, 0, -1) if chr(code) not in known)
    waiting: list[str] = []
    held, wanted = 0, first
    for text, ends_document in pieces:
        waiting.append(text + border if ends_document else text)
        held += len(waiting[-1])
        if held >= wanted:
            block = "".join(waiting)
            yield block
            waiting = [block[-reach:]] if reach else []
            held, wanted = 0, _BLOCK
    if held:
        yield "".join(waiting)


# ---- the few places that matter -------------------------------------------------------------


def _candidates(block: str, texts: Sequence[str], shortest: int) -> Iterator[str]:
    """Yield the stretches of a block that hold every match of at least `shortest` characters."""
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
    breaks = np.flatnonzero(np.diff(hits) > 1)
    starts = hits[np.concatenate([[0], breaks + 1])].tolist()
    lasts = hits[np.concatenate([breaks, [len(hits) - 1]])].tolist()
    for start, last in zip(starts, lasts, strict=True):
        yield block[start : last + shortest]


def _hashes(text: str, length: int) -> np.ndarray:
    """Return a hash of `_BITS` bits of every stretch of `length`, int64 `(stretches,)`.

    The hash of a stretch is made from those of its halves.
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
            # The stretch so far, followed by the next `size` characters.
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


# ---- the automaton ----------------------------------------------------------------------------


class _Automaton:
    """The suffix automaton of the texts, which remembers what was fed through it.

    A state stands for the stretches that end at the same places of the texts; `lengths` has the
    longest of them, `links` the state of the longest one that ends at more places.
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

    def feed(self, stretches: Iterable[str]) -> None:
        """Follow each of some stretches of the long text."""
        steps, links, lengths, found = self._steps, self._links, self._lengths, self._found
        for stretch in stretches:
            state = length = 0
            for character in stretch:
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
        """Return for each place of each text the longest stretch ending there that was fed."""
        longest = self._spread()
        return [[longest[state] for state in ends] for ends in self._ends]

    def _spread(self) -> list[int]:
        """Return for each state the longest match of its own, or else of one that it ends with."""
        found, links = self._found, self._links
        by_length = sorted(range(1, len(links)), key=self._lengths.__getitem__)
        for state in reversed(by_length):
            link = links[state]
            if found[state] and link:
                found[link] = self._lengths[link]
        longest = list(found)
        for state in by_length:
            if not longest[state]:
                longest[state] = longest[links[state]]
        return longest

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
