"""From the bytes of a file to its text, strictly, as a stream, or to an error that says why not."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain

from textgen_core.corpus.reading.recognize import (
    guess_encoding,
    marked_encoding,
    refuse_control_bytes,
    refuse_known_formats,
    refuse_nuls,
    unmarked_encoding,
)
from textgen_core.errors import ConfigurationError, CorpusError
from textgen_core.formatting import format_count

AUTO = "auto"  # the value of corpus.encoding for: each file in its own
HEAD = 1 << 16  # bytes by which a format and a wide encoding are recognized
BEFORE, AFTER = 1 << 15, 3 << 15  # bytes around a wrong one, by which an encoding is guessed
OTHER_ENCODINGS = "cp1252 (Western European), koi8-r, gb18030, shift_jis ..."
ENCODING_WANTED = "Allowed: the encoding that corpus.encoding names."


class Undecodable(CorpusError):
    """A file that is not text in the encoding; `known` is the one that it says it is in."""

    def __init__(self, problem: str, *, name: str, sample: bytes = b"", known: str = "") -> None:
        super().__init__(
            problem,
            ENCODING_WANTED,
            f"Name the file's with --set corpus.encoding=...: {OTHER_ENCODINGS}",
        )
        self.name, self.sample, self._known = name, sample, known

    @cached_property
    def guess(self) -> str:
        """The encoding that the file looks like, or ""."""
        return self._known or (guess_encoding(self.sample) if self.sample else "")

    def with_guess(self, *, among_others: bool = False) -> CorpusError:
        """Return the error with what the file looks like, and how to read it."""
        if not self.guess:
            return self
        own, auto = (f"--set corpus.encoding={name}" for name in (self.guess, AUTO))
        allowed = ENCODING_WANTED if self._known else f"It looks like {self.guess}."
        advice = f"Read it as that: {own}, or detect it per file: {auto}"
        if among_others:
            advice = f"Read each file in its own encoding: {auto}"
        return CorpusError(self.problem, allowed, advice)


def check_encoding(encoding: str) -> None:
    """Raise ConfigurationError unless Python can read text in `encoding`, or it is `auto`."""
    try:
        if encoding != AUTO:
            b"text".decode(encoding, "ignore")
            codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError) as error:
        raise ConfigurationError(
            f"corpus.encoding is {encoding!r}, which is not an encoding of text.",
            f"Allowed: {AUTO}, utf-8, utf-16, {OTHER_ENCODINGS}",
            "Leave it out for utf-8, or name another: --set corpus.encoding=cp1252",
        ) from error


def decode_blocks(
    blocks: Iterable[bytes], encoding: str, name: str, notes: list[str], *, subject: str = ""
) -> Iterator[str]:
    """Yield the text of `blocks`; at the end, add to `notes` what was dropped from it.

    name: the file's, in notes; subject: what errors call it, if not that. Raises CorpusError for a
    binary format and, with the byte offset, for bytes that are not text in `encoding`.
    """
    return _Decoding(encoding, name, subject or name).texts(blocks, notes)


class _Decoding:
    """What is known of a file while it is decoded."""

    def __init__(self, encoding: str, name: str, subject: str) -> None:
        self.encoding, self.name, self.subject = encoding, name, subject
        self.is_wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
        self.decoder = codecs.getincrementaldecoder(encoding)("strict")
        self.size = self.line_ends = self.nuls = self.characters = self.dropped = 0
        self.is_ascii = True
        self.before = b""  # the end of the blocks that are decoded

    def texts(self, blocks: Iterable[bytes], notes: list[str]) -> Iterator[str]:
        rest = _head_first(blocks)
        is_marked = False
        for block in rest:
            if not self.size:
                self._check_head(block)
            text = self._decode(block, rest)
            if text and not self.characters:
                is_marked = text[0] == "\ufeff"
                self.characters = int(is_marked)
                text = text[is_marked:]
            self.characters += len(text)
            yield self._without_nuls(text)
        yield self._without_nuls(self._decode(b"", rest, final=True))
        self._refuse_nuls()
        if is_marked:
            notes.append(f"{self.name}: dropped the byte order mark at its start.")
        if self.dropped:
            notes.append(f"{self.name}: dropped {format_count(self.dropped, 'NUL character')}.")

    def _check_head(self, head: bytes) -> None:
        refuse_known_formats(head, self.subject)
        if self.is_wide:
            return
        if known := marked_encoding(head):
            problem = f"{self.subject} is {known.upper()}: it starts with that byte order mark."
        elif known := unmarked_encoding(head[:HEAD]):
            problem = f"{self.subject} looks like {known[:6].upper()} without a byte order mark."
        else:
            return
        raise Undecodable(problem, name=self.name, known=known)

    def _decode(self, block: bytes, rest: Iterator[bytes], *, final: bool = False) -> str:
        """Return the text of a block; more of `rest` is read only where one is in error."""
        self.size += len(block)
        self.nuls += block.count(0)
        try:
            text = self.decoder.decode(block, final)
        except UnicodeDecodeError as error:
            self._refuse_nuls()
            raise self._undecodable(error, block, rest) from error
        except ValueError as error:  # some codecs know no offset
            problem = f"{self.subject} is not {self.encoding}: {error}."
            raise Undecodable(problem, name=self.name, sample=block[:AFTER]) from error
        self.line_ends += block.count(b"\n")
        self.is_ascii = self.is_ascii and text.isascii()
        self.before = (self.before + block)[-BEFORE:] if len(block) < BEFORE else block[-BEFORE:]
        return text

    def _without_nuls(self, text: str) -> str:
        kept = text.replace("\0", "")
        self.dropped += len(text) - len(kept)
        return kept

    def _refuse_nuls(self) -> None:
        in_characters, in_bytes = (self.dropped, self.characters), (self.nuls, self.size)
        refuse_nuls(*(in_characters if self.is_wide else in_bytes), self.subject)

    def _undecodable(
        self, error: UnicodeDecodeError, block: bytes, rest: Iterator[bytes]
    ) -> Undecodable:
        """Return the error that names the place; `size` counts the block in error already."""
        # What the codec was decoding ends with the block, and may begin before it.
        offset = max(self.size - len(error.object) + error.start, 0)
        line = self.line_ends + error.object.count(b"\n", 0, error.start) + 1
        at_fault = error.object[error.start : error.start + 1]
        place = f"byte 0x{at_fault.hex().upper()} at offset {offset} (line {line})"
        # A text without such characters so far has that byte more likely from another encoding.
        in_use = not (self.is_ascii and error.object[: error.start].isascii())
        if error.reason == "unexpected end of data" and in_use:
            place = f"it ends inside a character, at offset {offset}"
        window = self.before + block + next(rest, b"")
        middle = len(self.before) + offset - (self.size - len(block))
        if not self.is_wide:
            refuse_control_bytes(window, self.subject, self.encoding)
        return Undecodable(
            f"{self.subject} is not {self.encoding}: {place}.",
            name=self.name,
            sample=_lines_around(window, max(middle, 0)),
        )


def _head_first(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks, none empty, the first ones joined until they tell what a file is."""
    rest = iter(blocks)
    head = b""
    while len(head) < HEAD and (block := next(rest, None)) is not None:
        head += block
    yield from filter(None, chain((head,), rest))


def _lines_around(window: bytes, middle: int) -> bytes:
    """Return a sample of bytes around `middle`, of whole lines where there are line ends."""
    start, end = max(middle - BEFORE, 0), min(middle + AFTER, len(window))
    if start:
        start = max(window.find(b"\n", start, middle) + 1, start)
    last = window.rfind(b"\n", middle, end)
    if end < len(window) and last >= 0:
        end = last + 1
    return window[start:end]
