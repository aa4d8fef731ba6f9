"""What each token adds to a text, in bytes, and which bytes may follow which in UTF-8.

A decoder may join tokens by what stands before them: a word loses its space at the start of a text,
say. So a table holds after certain tokens only; there are few different ones.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate, chain, pairwise

import attrs
import numpy as np
import tokenizers

from textgen_core.data.tokenizer import SPECIAL_TOKENS, START, encode

PROBES = 16  # tokens by which two tables are told apart
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")

# A state of UTF-8: how many bytes of a character are missing, and which the next may be.
READY, REFUSED = 0, -1
_CONTINUATION = (0x80, 0xBF)
_STATES = {  # the next byte's range, and the state after it
    1: (_CONTINUATION, READY),
    2: (_CONTINUATION, 1),
    3: (_CONTINUATION, 2),
    4: ((0xA0, 0xBF), 1),  # after 0xE0: nothing that fewer bytes could say
    5: ((0x80, 0x9F), 1),  # after 0xED: no surrogate
    6: ((0x90, 0xBF), 2),  # after 0xF0
    7: ((0x80, 0x8F), 2),  # after 0xF4: nothing beyond U+10FFFF
}
_LEADS = (
    (0x00, 0x7F, READY),
    (0xC2, 0xDF, 1),
    (0xE0, 0xE0, 4),
    (0xE1, 0xEF, 2),
    (0xED, 0xED, 5),
    (0xF0, 0xF0, 6),
    (0xF1, 0xF3, 3),
    (0xF4, 0xF4, 7),
)
UTF8_STATES = 1 + len(_STATES)


def _utf8_table() -> np.ndarray:
    table = np.full((UTF8_STATES, 256), REFUSED, np.int32)
    for first, last, state in _LEADS:
        table[READY, first : last + 1] = state
    for state, ((first, last), after) in _STATES.items():
        table[state, first : last + 1] = after
    return table


_UTF8 = _utf8_table()


def utf8_state(data: bytes, state: int = READY) -> int:
    """Return the state after bytes, REFUSED where they cannot follow."""
    for byte in data:
        if state == REFUSED:
            break
        state = int(_UTF8[state, byte])
    return state


def open_bytes(data: bytes) -> int:
    """Return how many bytes at the end begin a character that is not complete."""
    for length in range(1, min(3, len(data)) + 1):
        if utf8_state(data[-length:]) not in (READY, REFUSED):
            return length
    return 0


@attrs.frozen(eq=False)
class TokenTable:
    """The bytes that each token adds after some token; special tokens add none."""

    added: tuple[bytes, ...]

    @cached_property
    def _ids(self) -> dict[bytes, list[int]]:
        ids: dict[bytes, list[int]] = {}
        for token_id, data in enumerate(self.added):
            if data:
                ids.setdefault(data, []).append(token_id)
        return ids

    @cached_property
    def _sorted(self) -> list[bytes]:
        return sorted(self._ids)

    @cached_property
    def longest(self) -> int:
        """The length of the longest token."""
        return max(map(len, self.added), default=0)

    def exactly(self, data: bytes) -> list[int]:
        """Return the tokens that add these bytes."""
        return self._ids.get(data, [])

    def beyond(self, data: bytes) -> Iterator[int]:
        """Yield the tokens that add these bytes and more."""
        for place in range(bisect_left(self._sorted, data), len(self._sorted)):
            found = self._sorted[place]
            if not found.startswith(data):
                return
            if len(found) > len(data):
                yield from self._ids[found]

    def within(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield the tokens that add a beginning of these bytes, the longest first, with its end."""
        for end in range(len(data) - 1, 0, -1):
            yield from ((token_id, end) for token_id in self.exactly(data[:end]))


@attrs.define(slots=False)
class TokenBytes:
    """The tables of one tokenizer; are_bytes: whether a token may hold a part of a character."""

    tokenizer: tokenizers.Tokenizer
    _tables: dict[tuple[str, ...], TokenTable] = attrs.field(factory=dict, init=False)

    @cached_property
    def are_bytes(self) -> bool:
        """Whether a token may be a part of a character."""
        return bool({"ByteLevel", "ByteFallback"} & self._decoders)

    def after(self, token_ids: Sequence[int]) -> TokenTable:
        """Return what each token adds after these, of which the last decides."""
        last = [] if self.is_byte_level else list(token_ids[-1:])
        key = () if self.is_byte_level else self._texts_after(last, self._probes)
        if key not in self._tables:
            self._tables[key] = TokenTable(self._added_after(last))
        return self._tables[key]

    def utf8_follows(self) -> np.ndarray:
        """Return int32 `(states, vocabulary)`: the state that a token leads to, or REFUSED.

        A single state for a tokenizer whose tokens are whole characters.
        """
        if not self.are_bytes:
            return np.zeros((1, self._size), np.int32)
        added = self.after(()).added
        follows = np.tile(np.arange(UTF8_STATES, dtype=np.int32)[:, None], (1, len(added)))
        lengths = np.fromiter(map(len, added), np.int64, len(added))
        data, starts = np.frombuffer(b"".join(added), np.uint8), np.cumsum(lengths) - lengths
        for place in range(int(lengths.max(initial=0))):
            has_byte = np.flatnonzero(lengths > place)
            states = follows[:, has_byte]
            after = _UTF8[states, data[starts[has_byte] + place]]
            follows[:, has_byte] = np.where(states < 0, REFUSED, after)
        return follows

    @cached_property
    def have_several_characters(self) -> bool:
        """Whether some token adds more than a character to a text."""
        probed = () if self.is_byte_level else self._texts_after((), self._probes)
        if any(len(text) > 1 for text in probed):
            return True
        return any(len(each.decode(errors="ignore")) > 1 for each in self.after(()).added)

    def stay_apart(self, first: int, second: int) -> bool:
        """Whether a text that is encoded may hold two tokens side by side.

        It may not if the tokenizer joins them, or cuts their text elsewhere; True where the text
        of one alone does not tell.
        """
        table = self.after((START,))
        try:
            one, other = (table.added[each].decode() for each in (first, second))
        except UnicodeDecodeError:
            return True
        if encode(self.tokenizer, one) != [first] or encode(self.tokenizer, other) != [second]:
            return True
        return encode(self.tokenizer, one + other) == [first, second]

    @cached_property
    def _decoders(self) -> frozenset[str]:
        found: set[str] = set()

        def collect(decoder: object) -> None:
            if isinstance(decoder, dict):
                found.add(str(decoder.get("type")))
                for each in decoder.get("decoders") or ():
                    collect(each)

        if (decoder := self.tokenizer.decoder) is not None:
            collect(json.loads(decoder.__getstate__()))  # the whole tokenizer takes far longer
        return frozenset(found)

    @property
    def is_byte_level(self) -> bool:
        """Whether tokens are written in GPT-2's alphabet of bytes."""
        return "ByteLevel" in self._decoders

    @cached_property
    def _size(self) -> int:
        return int(self.tokenizer.get_vocab_size(with_added_tokens=True))

    @cached_property
    def _probes(self) -> list[int]:
        first = min(len(SPECIAL_TOKENS), self._size - 1)
        return [int(each) for each in np.linspace(first, self._size - 1, PROBES)]

    def _names(self) -> list[str]:
        return [self.tokenizer.id_to_token(each) or "" for each in range(self._size)]

    def _texts_after(self, last: Sequence[int], token_ids: Sequence[int]) -> tuple[str, ...]:
        before = self.tokenizer.decode(list(last))
        decoded = self.tokenizer.decode_batch([[*last, each] for each in token_ids])
        return tuple(text[len(before) :] for text in decoded)

    def _added_after(self, last: Sequence[int]) -> tuple[bytes, ...]:
        special = self.tokenizer.get_added_tokens_decoder()
        if self.is_byte_level:
            added = _bytes_of_names(self._names())
        else:
            added = [text.encode() for text in self._texts_after(last, range(self._size))]
            for token_id, name in enumerate(self._names() if self.are_bytes else ()):
                if match := _BYTE_TOKEN.fullmatch(name):
                    added[token_id] = bytes.fromhex(match[1])
        for token_id, token in special.items():
            if token.special:
                added[token_id] = b""
        return tuple(added)


def _name_of_bytes() -> dict[str, int]:
    """Return the byte of each character by which byte-level tokenizers write it (GPT-2's table)."""
    as_they_are = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in set(as_they_are)]
    moved = {chr(0x100 + place): byte for place, byte in enumerate(others)}
    return {chr(byte): byte for byte in as_they_are} | moved


_BYTES = _name_of_bytes()


_AS_BYTES = {ord(character): byte for character, byte in _BYTES.items()}


def _bytes_of_names(names: Sequence[str]) -> list[bytes]:
    """Return the bytes of byte-level tokens; a name in other characters stands for itself."""
    joined = "".join(names)
    if not set(joined) <= _BYTES.keys():
        if len(names) == 1:
            return [joined.encode()]
        return [data for name in names for data in _bytes_of_names([name])]
    data, ends = joined.translate(_AS_BYTES).encode("latin-1"), accumulate(map(len, names))
    return [data[start:end] for start, end in pairwise(chain((0,), ends))]
