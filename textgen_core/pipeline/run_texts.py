"""The texts of a run that is opened again: where they are now, and whether they are still the same.

The paths in run.toml are not read, since a run may come from a stranger: see `runs.made_here`.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus import BUILTIN_PATH, Texts, is_read_once, keep_streams, read_texts
from textgen_core.corpus.reading.builtin import builtin_text
from textgen_core.corpus.reading.course import anywhere, as_path, course_file
from textgen_core.corpus.reading.files import shown
from textgen_core.errors import CorpusError, RunDirectoryError, TextgenError
from textgen_core.formatting import shell_word
from textgen_core.pipeline.places import Places
from textgen_core.registry import ResolvedComponent
from textgen_core.runs import RunDirectory, read_json
from textgen_core.runs.door import is_there, open_to_read
from textgen_core.runs.files import atomic_write, file_errors
from textgen_core.runs.made_here import Note, read_note, write_note
from textgen_core.runs.manifest import changed_files

# The settings that name texts, and the options that say where these are.
_NAMED = {"files": "--corpus", "validation": "--validation", "test": "--test"}
_GZIP = 31  # for zlib: the largest window, with the header and trailer of gzip
_LARGEST_BUILTIN = 16 << 20  # bytes of the text that a run keeps of the built-in corpus


def find_texts(
    run: RunDirectory, configuration: Configuration, places: Places, command: str
) -> Texts:
    """Return the texts that a run was made from, read again.

    command: that which needs them, such as `evaluate`. Raises RunDirectoryError where it is not
    known where they are, or they are others than those of the run, and CorpusError where they
    cannot be read.
    """
    named = configuration.corpus
    how = f"textgen {command} {shell_word(run.path)}"
    note = read_note(run)
    noted = note or Note(files=())
    if not places.said:
        _check_noted(noted, run, how)
    settings = keep_streams(_settings_of(named, noted, places))
    unknown = [each for each in _NAMED if getattr(named, each) and not getattr(settings, each)]
    if unknown:
        raise _unknown(run, named, how, unknown)
    texts = read_texts(settings, None if settings.files else _builtin_of(run))
    if is_there(run.manifest):
        _check(run, texts, how)
    if places.said:
        remember(run, texts, noted.trackers)
    return texts


def remember(run: RunDirectory, texts: Texts, trackers: Sequence[Mapping[str, Any]]) -> bool:
    """Note where the texts of a run are, and which trackers follow it; False if that failed."""
    settings = texts.settings
    if settings is None:
        return True
    note = Note(
        files=tuple(_absolute(file) for file in settings.files),
        validation=_absolute(settings.validation) if settings.validation else None,
        test=_absolute(settings.test) if settings.test else None,
        trackers=tuple(trackers),
    )
    return write_note(run, note) and not any(map(is_read_once, note.paths))


def trackers_of(
    run: RunDirectory,
    configuration: Configuration,
    asked: tuple[ResolvedComponent, ...] | None,
    warn: Callable[[str], None],
) -> tuple[ResolvedComponent, ...]:
    """Return the trackers that follow a resumed run: those asked for, now or when it was made here.

    A run from elsewhere would open a record of whoever made it, and send to it.
    """
    if asked is not None:
        return asked
    note = read_note(run)
    noted = list(note.trackers) if note else []
    start = tuple(each for each in configuration.trackers if each.as_table() in noted)
    others = [each.label for each in configuration.trackers if each not in start]
    if others:
        start_them = " ".join(f"--tracker {shell_word(each)}" for each in others)
        warn(
            f"{', '.join(others)} is named in {run.configuration}, and not started, since "
            f"nobody asked for it on this machine. To start it: {start_them}"
        )
    return start


def keep_builtin(run: RunDirectory, texts: Texts) -> None:
    """Keep the text of the built-in corpus, which another version of Python may not have."""
    data = builtin_text().encode("utf-8")
    if hashlib.sha256(data).hexdigest() != texts.files[0]["sha256"]:  # as the run keeps it already
        return
    with file_errors(run.builtin, "written"), atomic_write(run.builtin) as file:
        file.write(gzip.compress(data, mtime=0))


def _settings_of(named: CorpusSettings, noted: Note, places: Places) -> CorpusSettings:
    """Return the settings with the texts where the user says, and the others where noted.

    The texts of the course are in the package, for a run from elsewhere too.
    """
    found = noted.files or (named.files if all(map(course_file, named.files)) else ())
    validation = places.validation or noted.validation
    test = places.test or noted.test
    return attrs.evolve(
        named,
        files=tuple(map(str, places.corpus)) or tuple(found),
        validation=Path(validation) if validation else None,
        test=Path(test) if test else None,
    )


def _check_noted(note: Note, run: RunDirectory, how: str) -> None:
    """Raise CorpusError if a text is no longer where the note says."""
    for path in note.paths:
        if is_read_once(path) or not as_path(path).exists():
            raise CorpusError(
                f"The text of {run.path} is no longer there: {shown(path)}.",
                "Allowed: the same text, byte for byte, wherever it is now.",
                f"Say where: {how} --corpus FILE",
            )


def _unknown(
    run: RunDirectory, named: CorpusSettings, how: str, unknown: Sequence[str]
) -> RunDirectoryError:
    """Return the error for a run of which no note says that its user made it here."""
    options = [f"{_NAMED[each]} FILE" for each in unknown]
    paths: list[str | Path] = []
    for each in unknown:
        given = getattr(named, each)
        paths += given if isinstance(given, tuple) else (given,)
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return RunDirectoryError(
        f"{run.path} was not made on this machine, and names {shown(paths[0])}{more} as its text.",
        "Allowed: files that you name yourself, since a run from elsewhere could name any.",
        f"Say where its text is: {how} {' '.join(options)}",
    )


def _builtin_of(run: RunDirectory) -> str | None:
    """Return the built-in corpus as the run keeps it; None if it is that of this Python.

    What does not have the SHA-256 of manifest.json is not taken, and no more is unpacked of it than
    the manifest says.
    """
    recorded = read_json(run.manifest) if is_there(run.manifest) else {}
    try:
        (entry,) = [each for each in recorded["corpus"] if each["path"] == BUILTIN_PATH]
        size, sha256 = int(entry["bytes"]), str(entry["sha256"])
    except (KeyError, TypeError, ValueError):  # made without it, or `_check` says what is wrong
        return None
    if not is_there(run.builtin) or not 0 < size <= _LARGEST_BUILTIN:
        return None
    try:
        with open_to_read(run.builtin) as packed:
            data = zlib.decompressobj(_GZIP).decompress(packed.read(), size + 1)
        return data.decode("utf-8") if hashlib.sha256(data).hexdigest() == sha256 else None
    except (OSError, ValueError, zlib.error):
        return None


def _check(run: RunDirectory, texts: Texts, how: str) -> None:
    """Raise RunDirectoryError if the texts are not those that the run was made from."""
    changed = changed_files(read_json(run.manifest), texts.files)
    if not changed:
        return
    others = {1: ".", 2: ", nor is another file."}.get(
        len(changed), f", nor are {len(changed) - 1} other files."
    )
    raise RunDirectoryError(
        f"{shown(changed[0])} is not the text that {run.path} was trained on{others}",
        "Allowed: the same files, byte for byte and in their order (their SHA-256 is in "
        "manifest.json).",
        f"Say where the old text is: {how} --corpus FILE; or train a new run: textgen run",
    )


def _absolute(path: str | Path) -> str:
    return str(path) if is_read_once(path) else anywhere(path)


def without_texts(error: TextgenError) -> str:
    """Return the sentence that says what an evaluation lacks without the run's own texts."""
    return (
        "The training text is not at hand, so there are no baselines, and nothing is said on what "
        f"is copied from it. {error.problem} {error.advice}"
    )
