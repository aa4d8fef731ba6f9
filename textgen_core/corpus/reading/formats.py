"""Files that are no text, known by how they begin, and by how much of them is NUL.

Each is named for what it is, with the way to its text where there is one. This module knows nothing
about encodings, paths or folders.
"""

from __future__ import annotations

from textgen_core.errors import CorpusError

NULS_OF_TEXT = 0.01  # a text may hold a few by accident; with more it is no text
TEXT_WANTED = "Allowed: plain text."

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
