"""Reads a corpus: files, folders or standard input become documents, byte for byte or not at all.

What is no text is named for what it is; what is skipped or dropped is said in the corpus's notes.
This module neither cleans nor judges the text.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from textgen_core.corpus.builtin import builtin_corpus
from textgen_core.corpus.decode import check_encoding, decode_text, refuse_known_formats
from textgen_core.corpus.documents import Corpus, SourceFile, is_blank, split_documents
from textgen_core.corpus.files import (
    STDIN,
    Found,
    Skipped,
    find_files,
    is_text_name,
    no_text_in,
    shown,
    unreadable,
)
from textgen_core.corpus.unpack import is_packed, unpacked
from textgen_core.errors import CorpusError
from textgen_core.settings import CorpusSettings

HEAD = 4096  # enough to know a binary format by, before gigabytes of it are read


@attrs.frozen(kw_only=True)
class FileText:
    """A file's text, exactly as it stands there but for a byte order mark and stray NULs.

    `source` tells of the file as it lies there, compressed or not.
    """

    source: SourceFile
    text: str
    notes: tuple[str, ...] = ()


def read_corpus(paths: Sequence[str | Path], settings: CorpusSettings) -> Corpus:
    """Return the text of `paths` (files, folders, or `-` for stdin); of none, the built-in corpus.

    Of `settings`, `encoding` and `documents` are used; the paths are the caller's to choose.
    Raises CorpusError for what is missing, unreadable or not text, and ConfigurationError for an
    encoding that does not exist. Empty and blank files are skipped with a note where there are
    others.
    """
    check_encoding(settings.encoding)
    if not paths:
        return builtin_corpus(settings.documents)
    skipped = Skipped()
    found = find_files([paths] if isinstance(paths, (str, Path)) else paths, skipped)
    texts = list(_read_all(found, settings.encoding, skipped))
    if not texts:
        raise CorpusError(
            "The corpus is empty: all its files are empty or hold only whitespace.",
            "Allowed: a corpus that holds some text.",
            "With no corpus named, textgen run takes the built-in one.",
        )
    notes = [note for file in texts for note in file.notes]
    return Corpus(
        documents=tuple(
            document
            for file in texts
            for document in split_documents(file.text, settings.documents)
        ),
        files=tuple(file.source for file in texts),
        notes=(*notes, *_same_bytes(texts), *skipped.notes()),
    )


def read_file(path: Path, encoding: str) -> FileText:
    """Return the text of one file, or of standard input for `-`.

    Raises CorpusError if it cannot be read or is not text in `encoding`; it may be empty.
    """
    data = _read_stdin() if str(path) == STDIN else _read_bytes(path)
    text, notes = decode_text(unpacked(data, shown(path)), encoding, shown(path))
    digest = hashlib.sha256(data).hexdigest()
    name = STDIN if str(path) == STDIN else shown(path)
    source = SourceFile(path=name, bytes=len(data), sha256=digest)
    return FileText(source=source, text=text, notes=tuple(notes))


def _read_all(found: Sequence[Found], encoding: str, skipped: Skipped) -> Iterator[FileText]:
    alone = len(found) == 1 and not found[0].is_folder
    for group in found:
        used = 0
        for path in group.files:
            file = _read_one(path, encoding, group.is_folder, skipped)
            if file is None:
                continue
            if is_blank(file.text):
                _pass_over_blank(file, alone, skipped)
                continue
            used += 1
            yield file
        if group.is_folder and group.files and not used:
            raise no_text_in(group.name, len(group.files))


def _read_one(path: Path, encoding: str, in_folder: bool, skipped: Skipped) -> FileText | None:
    """Return a file's text, or None for a file that a folder holds and that need not be text."""
    try:
        return read_file(path, encoding)
    except CorpusError:
        if not in_folder or is_text_name(path):
            raise
        skipped.add(path, f"not text in {encoding}")
        return None


def _pass_over_blank(file: FileText, alone: bool, skipped: Skipped) -> None:
    fault = "holds only whitespace" if file.text else "is empty"
    if alone:
        raise CorpusError(
            f"{shown(file.source.path)} {fault}.",
            "Allowed: a corpus that holds some text.",
            "With no corpus named, textgen run takes the built-in one.",
        )
    skipped.add(file.source.path, "only whitespace" if file.text else "empty")


def _same_bytes(texts: Sequence[FileText]) -> list[str]:
    first: dict[str, str] = {}
    notes = []
    for file in texts:
        original = first.setdefault(file.source.sha256, file.source.path)
        if original != file.source.path:
            notes.append(
                f"{file.source.path} holds the same bytes as {original}: both are used, and text "
                "that is held out may also be trained on."
            )
    return notes


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            if not is_packed(head):
                refuse_known_formats(head, shown(path))
            file.seek(0)
            return file.read()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _read_stdin() -> bytes:
    buffer = getattr(sys.stdin, "buffer", None)
    if buffer is None:
        raise CorpusError(
            "There is no standard input to read.",
            "Allowed: a file, or a pipe into -.",
            "Name a file instead.",
        )
    data: bytes = buffer.read()
    return data
