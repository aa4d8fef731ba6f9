"""What bytes look like that are no UTF-8 text: a binary format, or another encoding.

A guess at an encoding is offered or noted, never taken silently.
"""

from __future__ import annotations

import codecs

from textgen_core.errors import CorpusError

NULS_OF_TEXT = 0.01  # a text may hold a few by accident; with more it is binary
TEXT_WANTED = "Allowed: plain text."
# Bytes that no text has in any encoding that extends ASCII, and how many may be there by accident.
CONTROL_BYTES = bytes({*range(0x20), 0x7F} - set(b"\0\t\n\v\f\r\x1a\x1b"))
CONTROLS_OF_TEXT, FEW_CONTROLS = 0.01, 3

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
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# In Western text most units of a wide encoding hold one byte and NULs: where the NULs stand.
WIDE_PATTERNS = (
    ("utf-32-le", (False, True, True, True)),
    ("utf-32-be", (True, True, True, False)),
    ("utf-16-le", (False, True)),
    ("utf-16-be", (True, False)),
)
MOST_ARE_NUL, FEW_ARE_NUL = 0.4, 0.05
# The encodings that texts are found in, the likelier first; the others are rare, or nearly the
# same as one of these.
CANDIDATES = (
    *("utf_8", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("koi8_r", "cp866", "iso8859_2", "iso8859_5", "mac_roman", "cp437", "cp850"),
    *("gb18030", "big5", "cp932", "euc_jp", "iso2022_jp", "euc_kr"),
)


def refuse_known_formats(head: bytes, name: str) -> None:
    """Raise CorpusError if `head`, a file's first bytes, is that of a binary format."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        kind, advice = next(kind[1:] for kind in ZIP_KINDS if kind[0] in head[:4096])
        raise CorpusError(f"{name} is {kind}.", TEXT_WANTED, advice)
    for offset, signature, kind, advice in SIGNATURES:
        if head.startswith(signature, offset):
            raise CorpusError(f"{name} is {kind}.", TEXT_WANTED, advice)


def refuse_nuls(nuls: int, size: int, name: str) -> None:
    """Raise CorpusError if more than one of a hundred bytes, or characters, is NUL."""
    if nuls > NULS_OF_TEXT * size:
        raise CorpusError(
            f"{name} is binary: {100 * nuls / size:.0f} % of it is NUL.", TEXT_WANTED, NO_WAY
        )


def refuse_control_bytes(sample: bytes, name: str, encoding: str) -> None:
    """Raise CorpusError if bytes that are not `encoding` are no text in another either."""
    controls = len(sample) - len(sample.translate(None, CONTROL_BYTES))
    if controls > max(FEW_CONTROLS, CONTROLS_OF_TEXT * len(sample)):
        raise CorpusError(
            f"{name} is not {encoding}, and looks binary: {100 * controls / len(sample):.0f} % of "
            "it is control characters.",
            TEXT_WANTED,
            "If it is text nonetheless, such as UTF-16: --set corpus.encoding=utf-16-le",
        )


def marked_encoding(head: bytes) -> str:
    """Return the wide encoding whose byte order mark `head` begins with, or an empty string."""
    return next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), "")


def unmarked_encoding(head: bytes) -> str:
    """Return the wide encoding that `head` looks like by where its NULs stand, or ""."""
    for encoding, pattern in WIDE_PATTERNS:
        units = len(head) // len(pattern)
        nuls = [head[place :: len(pattern)].count(0) for place in range(len(pattern))]
        if units and all(
            count > MOST_ARE_NUL * units if is_nul else count < FEW_ARE_NUL * units
            for count, is_nul in zip(nuls, pattern, strict=True)
        ):
            return encoding
    return ""


def guess_encoding(sample: bytes) -> str:
    """Return the encoding that `sample`, some 100 KB, fits best, of equals the likeliest; or ""."""
    from charset_normalizer import from_bytes  # takes a tenth of a second, and is rarely needed

    for data in (sample, sample[:-1]):  # the last character may be cut
        matches = from_bytes(data, cp_isolation=list(CANDIDATES), preemptive_behaviour=False)
        if (best := matches.best()) is not None:
            score = (best.chaos, best.coherence)
            equal = [match for match in matches if (match.chaos, match.coherence) == score]
            fitting = {encoding for match in equal for encoding in match.could_be_from_charset}
            return next((each for each in CANDIDATES if each in fitting), best.encoding)
    return ""
