"""Documents encoded in pieces of bounded memory, with the tokens of the whole.

Where a tokenizer cuts may depend on what stands around the place: words are kept together, a space
may be put before a text, merges reach over a run of letters. So a document is encoded in windows
that overlap by two contexts, and two neighbours are joined at a token border in the middle of what
they share, if both give the same tokens all around. What they share is encoded once more by itself:
it ends where the left one ends and begins where the right one begins, so that tokens can be
compared by counting, and only there it need be known where a token stands in the text, which is
what costs most in a long one.

Where two windows do not agree the left one is made longer, up to `LONGEST`; a document that is
longer still is cut there, since its encoding takes a hundred times the memory of its text. This
module knows nothing about files, nor about the tokens between documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, count

import attrs
import numpy as np
import tokenizers

from textgen_core.corpus.documents import Piece, iterate_pieces
from textgen_core.data.tokenizer import UNK

WINDOW = 32_768  # characters from the start of one window to that of the next
CONTEXT = 256  # characters that a window has beyond these on either side; half of them must agree
TOGETHER = 16 * WINDOW  # characters encoded at once, on all cores: some 20 MB of encodings
LONGEST = 32 * WINDOW  # characters of the longest window


@attrs.frozen(kw_only=True)
class EncodedPiece:
    """The tokens of a stretch of a document.

    token_ids: uint32 `(tokens,)`; unknown: the text that each `<UNK>` among them stands for;
    ends_document: whether the document's last token is among them.
    """

    token_ids: np.ndarray
    characters: int
    unknown: tuple[str, ...]
    ends_document: bool

    @property
    def unknown_bytes(self) -> int:
        """The UTF-8 bytes of the text that `<UNK>` stands for."""
        return sum(len(text.encode()) for text in self.unknown)


def encode_in_pieces(
    documents: Iterable[str], tokenizer: tokenizers.Tokenizer
) -> Iterator[EncodedPiece]:
    """Yield the tokens of the documents in their order, an empty document's as an empty piece."""
    left: _Window | None = None
    start = _Seam(position=0, tokens_before=0, tokens_after=0)
    for right in _encoded_windows(documents, tokenizer):
        if left is None or right.document is not left.document:
            if left is not None:
                yield left.piece(start, None)
            left, start = right, _Seam(position=0, tokens_before=0, tokens_after=0)
            continue
        if right.end <= left.end:
            continue  # a window that was made longer holds it already
        seam = _find_seam(left, right)
        if seam is None and left.end - left.begin < LONGEST:
            left = left.longer()
            continue
        if seam is None:
            cut = right.begin + CONTEXT
            left, right = left.other(left.begin, cut), right.other(cut, right.end)
            seam = _Seam(position=cut, tokens_before=0, tokens_after=0)
        yield left.piece(start, seam)
        left, start = right, seam
        left.document.forget(left.begin)
    if left is not None:
        yield left.piece(start, None)


@attrs.frozen(kw_only=True)
class _Seam:
    """Where two windows are joined, in characters of the document.

    tokens_before: those of the right window before it; tokens_after: those of the left after it.
    """

    position: int
    tokens_before: int
    tokens_after: int


class _Document:
    """The text of a document as far as it was read, less what is not needed any more."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces = pieces
        self._text, self._begin = "", 0
        self._whole = False

    def text(self, begin: int, end: int) -> str:
        """Return the characters from `begin` up to `end`, fewer where the document ends before."""
        while not self._whole and self._begin + len(self._text) < end:
            piece = next(self._pieces)
            self._text += piece.text
            self._whole = piece.ends_document
        return self._text[begin - self._begin : end - self._begin]

    def ends_by(self, end: int) -> bool:
        """Return whether no character stands at `end` or later."""
        self.text(end, end + 1)
        return self._begin + len(self._text) <= end

    def forget(self, before: int) -> None:
        """Let go of what stands before a place, once it is much."""
        if before - self._begin >= LONGEST:
            self._text, self._begin = self._text[before - self._begin :], before


@attrs.frozen(kw_only=True, eq=False)
class _Stretch:
    """A window that is not encoded yet; positions are the document's."""

    document: _Document
    begin: int
    text: str

    @property
    def end(self) -> int:
        return self.begin + len(self.text)


@attrs.frozen(kw_only=True, eq=False)
class _Window(_Stretch):
    """A stretch of a document with its tokens, uint32 `(tokens,)`.

    overlap: the encoding of what it shares with the window before it, by itself.
    """

    tokenizer: tokenizers.Tokenizer
    ids: np.ndarray
    overlap: tokenizers.Encoding | None

    def longer(self) -> _Window:
        """Return a window from the same place to the end of one further on, twice as long."""
        windows = max(1, (self.end - self.begin) // WINDOW)
        return self.other(self.begin, self.end + windows * WINDOW)

    def other(self, begin: int, end: int) -> _Window:
        """Return another stretch of the same document."""
        text = self.document.text(begin, end)
        stretch = _Stretch(document=self.document, begin=begin, text=text)
        return _encode([stretch], self.tokenizer)[0]

    def piece(self, start: _Seam, stop: _Seam | None) -> EncodedPiece:
        """Return the tokens between two seams, by default up to the document's end."""
        first = start.tokens_before
        last = len(self.ids) - (stop.tokens_after if stop else 0)
        token_ids = self.ids[first:last]
        unknown = (first + np.flatnonzero(token_ids == UNK)).tolist()
        return EncodedPiece(
            token_ids=token_ids,
            characters=(stop.position if stop else self.end) - start.position,
            unknown=self._texts_of(unknown) if unknown else (),
            ends_document=stop is None,
        )

    def _texts_of(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Return the text of tokens, less what the one before each covers already."""
        offsets = self.tokenizer.encode(self.text, add_special_tokens=False).offsets
        starts = (max(offsets[at][0], offsets[at - 1][1] if at else 0) for at in tokens)
        return tuple(
            self.text[start : offsets[at][1]] for at, start in zip(tokens, starts, strict=True)
        )


def _find_seam(left: _Window, right: _Window) -> _Seam | None:
    """Return where a token starts that two overlapping windows agree about, or None."""
    if right.overlap is None:
        return None
    ids = np.asarray(right.overlap.ids, dtype=np.uint32)
    starts = [start for start, _ in right.overlap.offsets]
    seam = next((at for at, start in enumerate(starts) if start >= CONTEXT), None)
    if seam is None or seam == 0:
        return None
    before = next(at for at, start in enumerate(starts) if start >= CONTEXT // 2)
    after = next((at for at, start in enumerate(starts) if start >= 3 * CONTEXT // 2), len(ids))
    tail, head = ids[before:], ids[:after]
    if not (
        np.array_equal(left.ids[-len(tail) :], tail) and np.array_equal(right.ids[:after], head)
    ):
        return None
    return _Seam(
        position=right.begin + starts[seam], tokens_before=seam, tokens_after=len(ids) - seam
    )


def _stretches(documents: Iterable[str]) -> Iterator[_Stretch]:
    """Yield the windows of all documents, not encoded yet."""
    pieces = iterate_pieces(documents)
    for piece in pieces:
        document = _Document(chain((piece,), pieces))
        for number in count():
            begin, end = max(0, number * WINDOW - CONTEXT), (number + 1) * WINDOW + CONTEXT
            yield _Stretch(document=document, begin=begin, text=document.text(begin, end))
            if document.ends_by(end):
                break


def _encoded_windows(
    documents: Iterable[str], tokenizer: tokenizers.Tokenizer
) -> Iterator[_Window]:
    """Yield the windows of all documents; some are encoded while those before them are joined."""
    with ThreadPoolExecutor(1) as ahead:
        before: Future[list[_Window]] | None = None
        for stretches in _groups(_stretches(documents)):
            coming = ahead.submit(_encode, stretches, tokenizer)
            if before is not None:
                yield from before.result()
            before = coming
        if before is not None:
            yield from before.result()


def _groups(stretches: Iterable[_Stretch]) -> Iterator[list[_Stretch]]:
    """Yield the stretches in lists of about `TOGETHER` characters."""
    group: list[_Stretch] = []
    characters = 0
    for stretch in stretches:
        group.append(stretch)
        characters += len(stretch.text) + 1
        if characters >= TOGETHER:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _encode(stretches: Sequence[_Stretch], tokenizer: tokenizers.Tokenizer) -> list[_Window]:
    # Without the tokens' places in the text: to know them doubles the time of a long window.
    encodings = tokenizer.encode_batch_fast(
        [stretch.text for stretch in stretches], add_special_tokens=False
    )
    overlaps = iter(
        tokenizer.encode_batch(
            [stretch.text[: 2 * CONTEXT] for stretch in stretches if stretch.begin],
            add_special_tokens=False,
        )
    )
    return [
        _Window(
            document=stretch.document,
            begin=stretch.begin,
            text=stretch.text,
            tokenizer=tokenizer,
            ids=np.asarray(encoding.ids, dtype=np.uint32),
            overlap=next(overlaps) if stretch.begin else None,
        )
        for stretch, encoding in zip(stretches, encodings, strict=True)
    ]
