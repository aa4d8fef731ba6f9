"""Reads a corpus: files, folders, pipes or standard input become documents, or nothing at all.

Text goes from the file to the documents piece by piece, so its size does not matter. What is not
text is named for what it is; what is skipped or dropped is said in the corpus's notes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.documents import Corpus, DocumentWriter
from textgen_core.corpus.reading.builtin import builtin_corpus
from textgen_core.corpus.reading.decode import AUTO, Undecodable, check_encoding
from textgen_core.corpus.reading.files import (
    TEXT_SUFFIXES,
    Found,
    Skipped,
    find_files,
    listed,
    no_text_in,
    shown,
    unpacked_name,
)
from textgen_core.corpus.reading.formats import TABLE_NAMES, TABLES, Wrapped, format_by_name
from textgen_core.corpus.reading.one_file import EMPTY, FileRead, read_file
from textgen_core.corpus.reading.tables import UnnamedColumn
from textgen_core.corpus.reading.values import Layout
from textgen_core.errors import CorpusError

UNNAMED_COLUMN = "a table, and corpus.column names no column of it"
TABLE_SETTINGS = ("column", "template", "group_by")


@attrs.frozen(kw_only=True)
class Texts:
    """The corpus, and the ready-made validation and test texts; the latter may hold nothing.

    settings: those that they were read with, if they were read.
    """

    corpus: Corpus
    ready_made: tuple[Corpus, Corpus] | None = None
    settings: CorpusSettings | None = None

    @property
    def files(self) -> list[dict[str, Any]]:
        """The files as a manifest records them: path, bytes and SHA-256 of each."""
        return [attrs.asdict(file) for corpus in self._corpora for file in corpus.files]

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say about the reading."""
        return tuple(note for corpus in self._corpora for note in corpus.notes)

    @property
    def _corpora(self) -> tuple[Corpus, ...]:
        return (self.corpus, *(self.ready_made or ()))


def read_texts(settings: CorpusSettings, builtin: str | None = None) -> Texts:
    """Read the texts that the settings name; raises CorpusError.

    builtin: what the built-in corpus was for a run that was made with it.
    """
    corpus = read_corpus(settings.files, settings, builtin)
    if settings.validation is None:
        return Texts(corpus=corpus, settings=settings)
    validation, test = read_corpus([settings.validation], settings), Corpus(documents=())
    if settings.test is not None:
        test = read_corpus([settings.test], settings)
    return Texts(corpus=corpus, ready_made=(validation, test), settings=settings)


def read_corpus(
    paths: Sequence[str | Path], settings: CorpusSettings, builtin: str | None = None
) -> Corpus:
    """Return the text of `paths` (files, folders, or `-` for stdin); of none, the built-in corpus.

    builtin: the text to take for the latter, in place of that of this Python. Of `settings`, those
    on what files hold and what a document is are used. Raises CorpusError for what is missing,
    unreadable or not text, and ConfigurationError for an unknown encoding. Empty and blank files
    are skipped with a note where there are others.
    """
    check_encoding(settings.encoding)
    if not paths:
        return builtin_corpus(settings.documents, builtin)
    reading = _Reading(settings)
    found = find_files([paths] if isinstance(paths, (str, Path)) else paths, reading.skipped)
    alone = len(found) == 1 and not found[0].is_folder
    for group in found:
        reading.take(group, alone)
    return reading.corpus()


class _Reading:
    """What has been read of a corpus so far, and what there is to say about it."""

    def __init__(self, settings: CorpusSettings) -> None:
        self.skipped = Skipped()
        self._settings = settings
        self._writer = DocumentWriter()
        self._files: list[FileRead] = []
        self._undecodable: list[Undecodable] = []

    def take(self, group: Found, alone: bool) -> None:
        """Read the files of one path; alone: whether it is the only one, and a file."""
        tables: list[Path] = []  # of which no column is named
        if group.is_folder:
            used = [self._take_from_folder(path, tables) for path in group.files]
        else:
            used = [self._take_named(path, alone) for path in group.files]
        if not group.is_folder or not used or any(used):
            for path in tables:
                self.skipped.add(path, UNNAMED_COLUMN)
        elif tables:  # nothing else is there: the only column is taken, or all are named
            for path in tables:
                self._take_named(path)
        else:
            raise no_text_in(group.name, len(group.files))

    def corpus(self) -> Corpus:
        """Return what was read; raises CorpusError if a file was not text, or none held any."""
        if self._undecodable:
            raise _undecodable(self._undecodable, len(self._files) + len(self._undecodable))
        if not self._files:
            raise _no_text("The corpus is empty: all its files are empty or hold only whitespace.")
        notes = [note for file in self._files for note in file.notes]
        notes += [*_guesses(self._files), *_same_bytes(self._files)]
        unused = [key for key in TABLE_SETTINGS if getattr(self._settings, key) is not None]
        if unused and not any(file.is_table for file in self._files):
            notes.append(
                f"corpus.{unused[0]} is not used: no file is a table ({TABLE_NAMES}); "
                "corpus.format=csv reads one as such."
            )
        return Corpus(
            documents=self._writer.documents(),
            files=tuple(file.source for file in self._files),
            notes=(*notes, *self.skipped.notes()),
        )

    def _take_from_folder(self, path: Path, tables: list[Path]) -> bool:
        """Read a file of a folder, or skip it; a table of no named column goes to `tables`.

        Returns whether it is used, or would be if it were right.
        """
        settings = self._settings
        is_table = settings.format == "auto" and format_by_name(path) in TABLES
        if is_table and not Layout.of(settings).text_keys:
            tables.append(path)
            return False
        if is_table or unpacked_name(path).endswith(TEXT_SUFFIXES):
            return self._take_named(path, take_only_column=False)
        try:
            return self._take_file(path, take_only_column=False)
        except UnnamedColumn:
            tables.append(path)
        except Wrapped as error:
            self.skipped.add(path, error.kind)
        except CorpusError:
            self.skipped.add(path, f"not text in {settings.encoding}")
        return False

    def _take_named(self, path: Path, alone: bool = False, take_only_column: bool = True) -> bool:
        """Read a file that must be text; return whether it is, or would be if decoded right."""
        try:
            return self._take_file(path, alone, take_only_column)
        except Undecodable as error:
            self._undecodable.append(error)  # only counted, so that all of them can be named
            return True

    def _take_file(self, path: Path, alone: bool = False, take_only_column: bool = True) -> bool:
        file = read_file(path, self._settings, self._writer, take_only_column=take_only_column)
        if not file.lack:
            self._files.append(file)
        elif alone:
            verb = "is" if file.lack == EMPTY else "holds"
            raise _no_text(f"{shown(file.source.path)} {verb} {file.lack}.")
        else:
            self.skipped.add(file.source.path, file.lack)
        return not file.lack


def _no_text(problem: str) -> CorpusError:
    return CorpusError(
        problem,
        "Allowed: a corpus that holds some text.",
        "With no corpus named, textgen run takes the built-in one.",
    )


def _undecodable(errors: Sequence[Undecodable], files: int) -> CorpusError:
    """Return one error for all files in a wrong encoding, of so many `files`."""
    if len(errors) == 1:
        return errors[0].with_guess(among_others=files > 1)
    names = [
        f"{each.name} (looks like {each.guess})" if each.guess else each.name for each in errors
    ]
    return CorpusError(
        f"{len(errors)} of {files} files are in another encoding: {listed(names)}.",
        "Allowed: files that are all in the encoding that corpus.encoding names.",
        f"Read each file in its own encoding: --set corpus.encoding={AUTO}",
    )


def _guesses(files: Sequence[FileRead]) -> Iterator[str]:
    by_encoding: dict[str, list[str]] = {}
    for file in files:
        if file.encoding:
            by_encoding.setdefault(file.encoding, []).append(shown(file.source.path))
    for encoding, names in by_encoding.items():
        yield f"Read as {encoding}, which is a guess: {listed(names)}."


def _same_bytes(files: Sequence[FileRead]) -> Iterator[str]:
    first: dict[str, str] = {}
    for file in files:
        original = first.setdefault(file.source.sha256, file.source.path)
        if original != file.source.path:
            yield (
                f"{file.source.path} holds the same bytes as {original}: both are used, and text "
                "that is held out may also be trained on."
            )
