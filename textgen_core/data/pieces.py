"""Long documents encoded in pieces of bounded memory, with the tokens of the whole.

Where a tokenizer cuts may depend on what stands around the place: words are kept together, a space
may be put before a text, merges reach over a run of letters. So each piece is encoded with some
context on both sides, and two neighbours are joined at a token border near their own where both
give the same tokens to the same characters all around. Where they never agree, the rest of the
document is encoded at once.

This module knows nothing about files, nor about the tokens between documents.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import tokenizers

from textgen_core.data.tokenizer import UNK

PIECE = 65_536  # characters
CONTEXT = 2_048  # characters on either side of a piece, half of which must agree
TOGETHER = 8 * PIECE  # characters encoded at once, on all cores: about 100 MB of encodings


@attrs.frozen(kw_only=True)
class EncodedPiece:
    """The tokens of a stretch of a document.

    token_ids: uint32 `(tokens,)`; unknown_bytes: UTF-8 bytes of the text that `<UNK>` stands for;
    ends_document: whether the document's last token is among them.
    """

    token_ids: np.ndarray
    characters: int
    unknown_bytes: int
    ends_document: bool


def encode_in_pieces(
    documents: Sequence[str], tokenizer: tokenizers.Tokenizer
) -> Iterator[EncodedPiece]:
    """Yield the tokens of the documents in their order, an empty document's as an empty piece."""
    left: _Window | None = None
    start = 0  # the first character of `left` whose tokens are not yielded yet
    for right in _encoded_windows(documents, tokenizer):
        if left is not None and right.document is left.document:
            if left.reaches_end:
                continue
            seam = _find_seam(left, right)
            if seam is None:
                left = _encode_rest(left, tokenizer)
                continue
            yield left.piece(start, seam)
            left, start = right, seam
            continue
        if left is not None:
            yield left.piece(start, None)
        left, start = right, 0
    if left is not None:
        yield left.piece(start, None)


@attrs.frozen(kw_only=True, eq=False)
class _Document:
    text: str


@attrs.frozen(kw_only=True, eq=False)
class _Window:
    """A stretch of a document with its context, and its encoding; positions are the document's."""

    document: _Document
    begin: int
    end: int
    encoding: tokenizers.Encoding

    @property
    def reaches_end(self) -> bool:
        return self.end == len(self.document.text)

    def index_at(self, position: int) -> int:
        """Return the first token that starts at `position` or later."""
        return bisect_left(range(len(self.encoding)), position, key=lambda at: self.span(at)[0])

    def span(self, index: int) -> tuple[int, int]:
        """Return where a token starts and ends."""
        start, end = self.encoding.token_to_chars(index) or (0, 0)
        return self.begin + start, self.begin + end

    def tokens(self, start: int, stop: int) -> list[tuple[int, int, int]]:
        """Return id, start and end of the tokens that start in a stretch."""
        ids = self.encoding.ids
        between = range(self.index_at(start), self.index_at(stop))
        return [(ids[index], *self.span(index)) for index in between]

    def piece(self, start: int, stop: int | None) -> EncodedPiece:
        """Return the tokens that start in a stretch, by default up to the document's end."""
        first = self.index_at(start) if start else 0
        last = len(self.encoding) if stop is None else self.index_at(stop)
        token_ids = np.asarray(self.encoding.ids[first:last], dtype=np.uint32)
        unknown = (first + int(index) for index in np.flatnonzero(token_ids == UNK))
        return EncodedPiece(
            token_ids=token_ids,
            characters=(len(self.document.text) if stop is None else stop) - start,
            unknown_bytes=sum(self._bytes_of(index) for index in unknown),
            ends_document=stop is None,
        )

    def _bytes_of(self, index: int) -> int:
        """Return the bytes of a token's text, less what the token before it covers already."""
        start, end = self.span(index)
        if index:
            start = max(start, self.span(index - 1)[1])
        return len(self.document.text[start:end].encode())


def _encoded_windows(
    documents: Sequence[str], tokenizer: tokenizers.Tokenizer
) -> Iterator[_Window]:
    """Yield the windows of all documents, encoded some at a time."""
    waiting: list[tuple[_Document, int, int]] = []
    characters = 0
    for text in documents:
        document = _Document(text=text)
        for position in range(0, max(len(text), 1), PIECE):
            begin = max(0, position - CONTEXT)
            end = min(len(text), position + PIECE + CONTEXT)
            waiting.append((document, begin, end))
            characters += end - begin + 1
            if characters >= TOGETHER:
                yield from _encode(waiting, tokenizer)
                waiting, characters = [], 0
    yield from _encode(waiting, tokenizer)


def _encode(
    stretches: Sequence[tuple[_Document, int, int]], tokenizer: tokenizers.Tokenizer
) -> Iterator[_Window]:
    texts = [document.text[begin:end] for document, begin, end in stretches]
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    for (document, begin, end), encoding in zip(stretches, encodings, strict=True):
        yield _Window(document=document, begin=begin, end=end, encoding=encoding)


def _encode_rest(window: _Window, tokenizer: tokenizers.Tokenizer) -> _Window:
    """Return a window from the same place as `window` to the document's end."""
    rest = (window.document, window.begin, len(window.document.text))
    return next(_encode([rest], tokenizer))


def _find_seam(left: _Window, right: _Window) -> int | None:
    """Return where a token starts that two overlapping windows agree about, or None."""
    middle = right.begin + CONTEXT
    around = (middle - CONTEXT // 2, middle + CONTEXT // 2)
    tokens = left.tokens(*around)
    if tokens != right.tokens(*around):
        return None
    return next((start for _, start, _ in tokens if start >= middle), None)
