"""Documents encoded in chunks of bounded memory, with the tokens of the whole.

Where a tokenizer cuts may depend on what stands around the place: words are kept together, a space
may be put before a text, merges reach over a run of letters. So a document is encoded in chunks
that overlap by two contexts, and two neighbours are joined at a token border in the middle of what
they share, if both give the same tokens all around:

    left chunk  ...-----------------------|
    overlap                    |----+-----|        two contexts, encoded once more by itself
    right chunk                |-----------------...
    join                            ^              the first token that starts after one context

The overlap ends where the left chunk ends and begins where the right one begins, so tokens are
compared by counting. Only there are their places in the text needed, which cost most in a long one.

Where two chunks do not agree the left one is extended, up to `LONGEST`; a document that is longer
still is cut there, since its encoding takes a hundred times the memory of its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, count, pairwise
from typing import NamedTuple

import attrs
import numpy as np
import tokenizers

from textgen_core.corpus.documents import Piece, iterate_pieces
from textgen_core.data.tokenizer import NO_TEXT, UNK

CHUNK = 32_768  # characters from the start of one chunk to that of the next
CONTEXT = 256  # characters that a chunk has beyond these on either side; half of them must agree
TOGETHER = 16 * CHUNK  # characters encoded at once, on all cores: some 20 MB of encodings
LONGEST = 32 * CHUNK  # characters of the longest chunk


@attrs.frozen(kw_only=True)
class EncodedPiece:
    """The tokens of a part of a document."""

    token_ids: np.ndarray  # uint32 `(tokens,)`
    characters: int
    unknown: tuple[str, ...]  # the text that each `<UNK>` among them stands for
    ends_document: bool


class _Document:
    """The text of a document as far as it was read, less what is not needed any more."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces = pieces
        self._text, self._begin = "", 0
        self._whole = False

    def chunk(self, begin: int, end: int) -> Chunk:
        """Return the characters from `begin` up to `end`, fewer where the document ends before."""
        while not self._whole and self._begin + len(self._text) < end:
            piece = next(self._pieces)
            self._text += piece.text
            self._whole = piece.ends_document
        text = self._text[begin - self._begin : end - self._begin]
        return Chunk(document=self, begin=begin, text=text)

    def drop_before(self, begin: int) -> None:
        """Release what stands before a place, once it is much."""
        if begin - self._begin >= LONGEST:
            self._text, self._begin = self._text[begin - self._begin :], begin


@attrs.frozen(kw_only=True, eq=False)
class Chunk:
    """A span of a document; positions are the document's."""

    document: _Document
    begin: int
    text: str

    @property
    def end(self) -> int:
        """The position after the last character."""
        return self.begin + len(self.text)


class EncodedChunk(NamedTuple):
    """A chunk, its tokens, uint32 `(tokens,)`, and what it shares with the one before, encoded."""

    chunk: Chunk
    ids: np.ndarray
    overlap: tokenizers.Encoding | None


class Join(NamedTuple):
    """Where two chunks are joined: the character of the document, and the tokens on either side.

    tokens_before: those of the right chunk before it; tokens_after: those of the left after it.
    """

    position: int = 0
    tokens_before: int = 0
    tokens_after: int = 0


def encode_in_pieces(
    documents: Iterable[str], tokenizer: tokenizers.Tokenizer
) -> Iterator[EncodedPiece]:
    """Yield the tokens of the documents in their order, an empty document's as an empty piece."""
    left: EncodedChunk | None = None
    start = Join()
    for right in _encoded_chunks(documents, tokenizer):
        if left is None or right.chunk.document is not left.chunk.document:
            if left is not None:
                yield _piece(left, start, None, tokenizer)
            left, start = right, Join()
            continue
        if right.chunk.end <= left.chunk.end:
            continue  # a chunk that was extended holds it already
        join, document = find_join(left, right), left.chunk.document
        if join is None and len(left.chunk.text) < LONGEST:  # the end of one that is twice as long
            end = left.chunk.end + max(1, len(left.chunk.text) // CHUNK) * CHUNK
            (left,) = _encode([document.chunk(left.chunk.begin, end)], tokenizer)
            continue
        if join is None:
            cut = right.chunk.begin + CONTEXT
            before = document.chunk(left.chunk.begin, cut)
            left, right = _encode([before, document.chunk(cut, right.chunk.end)], tokenizer)
            join = Join(position=cut)
        yield _piece(left, start, join, tokenizer)
        left, start = right, join
        document.drop_before(left.chunk.begin)
    if left is not None:
        yield _piece(left, start, None, tokenizer)


def find_join(left: EncodedChunk, right: EncodedChunk) -> Join | None:
    """Return where a token starts that two overlapping chunks agree about, or None."""
    if right.overlap is None:
        return None
    ids = _text_ids(right.overlap.ids)
    starts = [start for start, _ in right.overlap.offsets]

    def first_from(character: int) -> int:
        return next((at for at, start in enumerate(starts) if start >= character), len(ids))

    middle = first_from(CONTEXT)
    if middle in (0, len(ids)):
        return None
    tail, head = ids[first_from(CONTEXT // 2) :], ids[: first_from(3 * CONTEXT // 2)]
    agree = np.array_equal(left.ids[-len(tail) :], tail)
    if not (agree and np.array_equal(right.ids[: len(head)], head)):
        return None
    position, after = right.chunk.begin + starts[middle], len(ids) - middle
    return Join(position=position, tokens_before=middle, tokens_after=after)


def _piece(
    encoded: EncodedChunk, start: Join, stop: Join | None, tokenizer: tokenizers.Tokenizer
) -> EncodedPiece:
    """Return the tokens between two joins, by default up to the document's end."""
    first = start.tokens_before
    last = len(encoded.ids) - (stop.tokens_after if stop else 0)
    token_ids = encoded.ids[first:last]
    unknown = (first + np.flatnonzero(token_ids == UNK)).tolist()
    return EncodedPiece(
        token_ids=token_ids,
        characters=(stop.position if stop else encoded.chunk.end) - start.position,
        unknown=_texts_of(unknown, encoded.chunk.text, tokenizer) if unknown else (),
        ends_document=stop is None,
    )


def _texts_of(tokens: Sequence[int], text: str, tokenizer: tokenizers.Tokenizer) -> tuple[str, ...]:
    """Return the text of tokens, less what the one before each covers already."""
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    starts = (max(offsets[at][0], offsets[at - 1][1] if at else 0) for at in tokens)
    return tuple(text[start : offsets[at][1]] for at, start in zip(tokens, starts, strict=True))


def _chunks(documents: Iterable[str]) -> Iterator[Chunk]:
    """Yield the chunks of all documents, not encoded yet."""
    pieces = iterate_pieces(documents)
    for piece in pieces:
        document = _Document(chain((piece,), pieces))
        for number in count():
            begin, end = max(0, number * CHUNK - CONTEXT), (number + 1) * CHUNK + CONTEXT
            yield document.chunk(begin, end)
            if not document.chunk(end, end + 1).text:
                break


def _encoded_chunks(
    documents: Iterable[str], tokenizer: tokenizers.Tokenizer
) -> Iterator[EncodedChunk]:
    """Yield the chunks of all documents; some are encoded while those before them are joined."""
    with ThreadPoolExecutor(1) as ahead:
        groups = (ahead.submit(_encode, group, tokenizer) for group in _groups(_chunks(documents)))
        last = Future[list[EncodedChunk]]()  # is never waited for
        for group, _ in pairwise(chain(groups, (last,))):  # the group after it is encoded meanwhile
            yield from group.result()


def _groups(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Yield the chunks in lists of about `TOGETHER` characters."""
    group: list[Chunk] = []
    characters = 0
    for chunk in chunks:
        group.append(chunk)
        characters += len(chunk.text) + 1
        if characters >= TOGETHER:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _encode(chunks: Sequence[Chunk], tokenizer: tokenizers.Tokenizer) -> list[EncodedChunk]:
    # Without the tokens' places in the text, which would double the time of a long chunk.
    texts = [chunk.text for chunk in chunks]
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    shared = [chunk.text[: 2 * CONTEXT] for chunk in chunks if chunk.begin]
    overlaps = iter(tokenizer.encode_batch(shared, add_special_tokens=False))
    return [
        EncodedChunk(chunk, _text_ids(encoding.ids), next(overlaps) if chunk.begin else None)
        for chunk, encoding in zip(chunks, encodings, strict=True)
    ]


def _text_ids(token_ids: Sequence[int]) -> np.ndarray:
    """Return ids as an array, `<UNK>` in place of the special tokens that no text holds."""
    ids = np.array(token_ids, np.uint32)
    ids[np.isin(ids, tuple(NO_TEXT))] = UNK
    return ids
