"""From the bytes of a file to its text, or to an error that says what the bytes are instead.

UTF-8 is the default and is strict; nothing is guessed or replaced. This module knows nothing about
paths or folders: a file is its bytes and the name that a person knows it by.
"""

from __future__ import annotations

import codecs

from textgen_core.corpus.documents import count_of
from textgen_core.errors import ConfigurationError, CorpusError

NULS_OF_TEXT = 0.01  # a text may hold a few by accident; with more it is no text
SAMPLE = 1 << 16
TEXT_WANTED = "Allowed: plain text."
OTHER_ENCODINGS = "cp1252 (Western European), koi8-r, gb18030, shift_jis ..."

UNPACK = "Unpack it first, or pipe it: {} FILE | textgen run -"
SAVE_AS_TEXT = "Save it as plain text from the program that opens it."
NO_WAY = "Give the text itself as a .txt file."
SIGNATURES = (
    (0, b"\x1f\x8b", "compressed with gzip", UNPACK.format("gunzip -c")),
    (0, b"BZh91AY&SY", "compressed with bzip2", UNPACK.format("bunzip2 -c")),
    (0, b"\xfd7zXZ\0", "compressed with xz", UNPACK.format("xz -dc")),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd", UNPACK.format("zstd -dc")),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it first."),
    (0, b"Rar!\x1a\x07", "a RAR archive", "Unpack it first."),
    (257, b"ustar", "a tar archive", UNPACK.format("tar -xOf")),
    (0, b"%PDF-", "a PDF", "Take out its text first: pdftotext FILE"),
    (0, b"{\\rtf", "an RTF document", SAVE_AS_TEXT),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", SAVE_AS_TEXT),
    (0, b"SQLite format 3\0", "an SQLite database", NO_WAY),
    (0, b"\x7fELF", "a program", NO_WAY),
    (0, b"\x89PNG\r\n", "a PNG image", NO_WAY),
    (0, b"\xff\xd8\xff", "a JPEG image", NO_WAY),
    (0, b"\x89HDF\r\n", "an HDF5 file", NO_WAY),
    (4, b"ftyp", "a video or audio file", NO_WAY),
)
ZIP_KINDS = (
    (b"application/epub", "an EPUB book (a zip archive)", SAVE_AS_TEXT),
    (b"opendocument", "an OpenDocument file (a zip archive)", SAVE_AS_TEXT),
    (b"word/", "a Word document (a zip archive)", SAVE_AS_TEXT),
    (b"", "a zip archive", UNPACK.format("unzip -p")),
)
# UTF-32 comes first: its little-endian mark begins like that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def check_encoding(encoding: str) -> None:
    """Raise ConfigurationError unless Python can read text in `encoding`."""
    try:
        b"text".decode(encoding, "ignore")
    except (LookupError, ValueError) as error:
        raise ConfigurationError(
            f"corpus.encoding is {encoding!r}, which is not an encoding of text.",
            f"Allowed: utf-8, utf-16, {OTHER_ENCODINGS}",
            "Leave it out for utf-8, or name another: --set corpus.encoding=cp1252",
        ) from error


def decode_text(data: bytes, encoding: str, name: str) -> tuple[str, list[str]]:
    """Return the text of `data`, and notes on what was dropped from it.

    Raises CorpusError, naming the file and the byte offset, if the bytes are not text in
    `encoding`, or are a known binary format.
    """
    refuse_known_formats(data, name)
    wide = codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    if not wide:
        _refuse_wide_text(data, name)
        _refuse_nuls(data.count(0), len(data), name)
    text = _decode(data, encoding, name)
    if wide:
        _refuse_nuls(text.count("\0"), len(text), name)
    notes = []
    if text.startswith("\ufeff"):
        text = text[1:]
        notes.append(f"{name}: dropped the byte order mark at its start.")
    if nuls := text.count("\0"):
        text = text.replace("\0", "")
        notes.append(f"{name}: dropped {count_of(nuls, 'NUL character')}.")
    return text, notes


def refuse_known_formats(data: bytes, name: str) -> None:
    """Raise CorpusError if `data`, a file's beginning, is that of a binary format."""
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        kind, advice = next(kind[1:] for kind in ZIP_KINDS if kind[0] in data[:4096])
        raise CorpusError(f"{name} is {kind}.", TEXT_WANTED, advice)
    for offset, signature, kind, advice in SIGNATURES:
        if data.startswith(signature, offset):
            raise CorpusError(f"{name} is {kind}.", TEXT_WANTED, advice)


def _refuse_wide_text(data: bytes, name: str) -> None:
    for mark, kind in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            raise CorpusError(
                f"{name} is {kind}: it starts with that byte order mark.",
                "Allowed: the encoding that corpus.encoding names.",
                f"Name the file's: --set corpus.encoding={kind.lower()}",
            )
    if encoding := _unmarked_utf16(data[:SAMPLE]):
        raise CorpusError(
            f"{name} looks like UTF-16 without a byte order mark.",
            "Allowed: the encoding that corpus.encoding names.",
            f"Name the file's: --set corpus.encoding={encoding}",
        )


def _unmarked_utf16(sample: bytes) -> str:
    """Return the UTF-16 that `sample` looks like: one of two bytes is NUL in Western text."""
    units = len(sample) // 2
    first, second = sample[0::2].count(0), sample[1::2].count(0)
    if second > 0.4 * units and first < 0.05 * units:
        return "utf-16-le"
    if first > 0.4 * units and second < 0.05 * units:
        return "utf-16-be"
    return ""


def _refuse_nuls(nuls: int, size: int, name: str) -> None:
    if nuls > NULS_OF_TEXT * size:
        raise CorpusError(
            f"{name} is binary: {100 * nuls / size:.0f} % of it is NUL.", TEXT_WANTED, NO_WAY
        )


def _decode(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise CorpusError(*_undecodable(data, encoding, name, error)) from error
    except ValueError as error:  # some codecs know no offset
        raise CorpusError(
            f"{name} is not {encoding}: {error}.",
            "Allowed: the encoding that corpus.encoding names.",
            f"Name the file's with --set corpus.encoding=...: utf-8, {OTHER_ENCODINGS}",
        ) from error


def _undecodable(
    data: bytes, encoding: str, name: str, error: UnicodeDecodeError
) -> tuple[str, str, str]:
    line = data.count(b"\n", 0, error.start) + 1
    place = f"byte 0x{data[error.start]:02X} at offset {error.start} (line {line})"
    in_use = not data[: error.start].isascii()  # else the byte is more likely of another encoding
    if error.reason == "unexpected end of data" and in_use:
        place = f"it ends inside a character, at offset {error.start}"
    return (
        f"{name} is not {encoding}: {place}.",
        "Allowed: the encoding that corpus.encoding names.",
        f"Name the file's with --set corpus.encoding=...: {OTHER_ENCODINGS}",
    )
