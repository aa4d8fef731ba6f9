"""Which files a corpus is made of: the paths that were given, and the files in folders.

A file is taken once, however often it is reached, so that no text ends up on both sides of a split
by accident. Only names and kinds are looked at here; nothing is read.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import attrs

from textgen_core.corpus.reading.course import COURSE, course_file, course_name, course_names
from textgen_core.errors import CorpusError
from textgen_core.formatting import expand_home, format_count, shell_word

STDIN = "-"
PACKED_SUFFIXES = (".gz", ".zst")
# Names that promise text, so that the file may not be skipped silently.
TEXT_SUFFIXES = (".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".org")
# A text of standard input or a pipe that is kept in the cache: its SHA-256, and where it came from.
_KEPT = re.compile(r"[0-9a-f]{64}\.(stdin|pipe)\.gz")
_KEPT_FROM = {"stdin": "standard input", "pipe": "a pipe"}
# Folders that hold all of these files are no text.
_OWN = {
    "a run": ({"run.toml", "manifest.json"}, "textgen resume"),
    "a study": ({"study.toml", "journal.log"}, "textgen tune --out"),
}
FILES_WANTED = (
    "Allowed: text files (.gz and .zst too), folders of them, pipes, - for standard input."
)
KINDS = (
    (stat.S_ISSOCK, "a socket", "Save what it sends as a file."),
    (stat.S_ISCHR, "a device", "Save what it gives as a file, or pipe it: ... | textgen run -"),
    (stat.S_ISBLK, "a device", "Give the files on it."),
)


class Found(NamedTuple):
    """The file that one given path names, or the files in it if it is a folder."""

    name: str
    is_folder: bool
    files: tuple[Path, ...]


@attrs.define
class Skipped:
    """Which files were visited, and what is left out, by the reason why."""

    by_reason: dict[str, list[str]] = attrs.Factory(dict)
    _visited: set[tuple[int, int]] = attrs.Factory(set)

    def add(self, path: str | Path, reason: str) -> None:
        """Record that `path` is left out."""
        self.by_reason.setdefault(reason, []).append(shown(path))

    def is_new(self, path: str | Path, device: int, inode: int) -> bool:
        """Return whether this is the first visit; a later one is recorded as skipped."""
        if (device, inode) in self._visited:
            self.add(path, "already in the corpus")
            return False
        self._visited.add((device, inode))
        return True

    def notes(self) -> list[str]:
        """Return a sentence for each reason."""
        return [f"Skipped {listed(paths)}: {why}." for why, paths in self.by_reason.items()]


def find_files(paths: Sequence[str | Path], skipped: Skipped) -> list[Found]:
    """Return the files of each path, those of a folder in sorted order, without hidden ones.

    A named pipe is taken where it is named itself, and left out of folders. Raises CorpusError for
    a path that is missing, unreadable, a device or a socket.
    """
    return [_find(path, skipped) for path in paths]


def unpacked_name(path: Path) -> str:
    """Return a file's name in lower case, without the suffix of a compressed file."""
    name = path.name.lower()
    for suffix in PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def shown(path: str | Path) -> str:
    """Return `path` as it can be printed and saved, whatever bytes its name holds."""
    if str(path) == STDIN:
        return "standard input"
    if kept := _KEPT.fullmatch(Path(path).name):
        return _KEPT_FROM[kept[1]]
    if name := course_name(path):
        return name
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if text.isprintable() and text else repr(text)


def kept_name(sha256: str, kind: str) -> str:
    """Return the name of the file that keeps what came from `stdin` or a `pipe`."""
    return f"{sha256}.{kind}.gz"


def is_kept(path: str | Path) -> bool:
    """Return whether a path is that of a kept text: unpacked, it is what the stream gave."""
    return _KEPT.fullmatch(Path(path).name) is not None


def listed(paths: Sequence[str], most: int = 3) -> str:
    """Return the first few of `paths` and how many more there are."""
    more = len(paths) - most
    return ", ".join(paths[:most]) + (f" and {more:,} more" if more > 0 else "")


def unreadable(path: str | Path, error: Exception) -> CorpusError:
    """Return the error for a path that the system does not let us read."""
    problem = f"{shown(path)} cannot be read: {getattr(error, 'strerror', None) or error}."
    return CorpusError(problem, FILES_WANTED, "Check the path and its permissions.")


def no_text_in(folder: str, files: int) -> CorpusError:
    """Return the error for a folder of which nothing could be used."""
    what = f"none of its {format_count(files, 'file')} is text" if files else "no file is visible"
    return CorpusError(
        f"The folder {folder} holds no text: {what}.",
        "Allowed: text files, such as .txt or .md; hidden files do not count.",
        "Name the files one by one to see what is wrong with each.",
    )


def _find(path: str | Path, skipped: Skipped) -> Found:
    if str(path).startswith("~"):
        path = expand_home(path)
    path = course_file(path) or path
    files: tuple[Path, ...] = (Path(path),)
    if str(path) == STDIN:
        return Found(shown(path), False, files if skipped.is_new(path, -1, -1) else ())
    status = _status(path)
    is_folder = stat.S_ISDIR(status.st_mode)
    for is_kind, kind, advice in KINDS:
        if is_kind(status.st_mode):
            raise CorpusError(f"{shown(path)} is {kind}, not a file.", FILES_WANTED, advice)
    if not skipped.is_new(path, status.st_dev, status.st_ino):
        files = ()
    elif is_folder:
        files = tuple(_walk(Path(path), skipped))
    return Found(shown(path), is_folder, files)


def _status(path: str | Path) -> os.stat_result:
    try:
        return os.stat(path)  # noqa: PTH116 - Path("") would be the current folder
    except (FileNotFoundError, NotADirectoryError) as error:
        problem = f"There is no file {shown(path)}."
        raise CorpusError(problem, FILES_WANTED, _nearest(Path(path))) from error
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _nearest(path: Path) -> str:
    if str(path).startswith(COURSE):
        return f"The texts of the course: {', '.join(course_names())}."
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return f"Nor is there a folder {shown(path.parent)}."
    if near := difflib.get_close_matches(path.name, names, n=1):
        return f"Did you mean {shown(path.parent / near[0])}?"
    return "Leave the corpus out to try textgen with the built-in one."


def _walk(folder: Path, skipped: Skipped) -> list[Path]:
    """Return the files in a folder and in those within it; raises CorpusError if it has none."""
    waiting = _entries(folder, folder, skipped)
    files, reached = [], 0
    while waiting:
        path = waiting.pop()
        try:
            status = path.stat()
        except OSError:
            skipped.add(path, "a link that leads nowhere, or not readable")
            continue
        is_file, is_folder = stat.S_ISREG(status.st_mode), stat.S_ISDIR(status.st_mode)
        reached += is_file
        if not (is_file or is_folder):
            skipped.add(path, "not a file")
        elif not skipped.is_new(path, status.st_dev, status.st_ino):
            continue
        elif is_file:
            files.append(path)
        else:
            waiting.extend(_entries(path, folder, skipped))
    if not reached:
        raise no_text_in(shown(folder), 0)
    return files


def _entries(path: Path, folder: Path, skipped: Skipped) -> list[Path]:
    """Return the visible entries of a folder, the last first; an inner one may be unreadable."""
    try:
        names = sorted((entry.name for entry in os.scandir(path)), reverse=True)
    except OSError as error:
        if path == folder:
            raise unreadable(path, error) from error
        skipped.add(path, "not readable")
        return []
    what = next((what for what, (files, _) in _OWN.items() if set(names) >= files), None)
    if what is not None and path == folder:
        raise CorpusError(
            f"{shown(path)} is {what} of textgen, and no text.",
            "Allowed: text files, and folders with such files.",
            f"Go on with it: {_OWN[what][1]} {shell_word(path)}",
        )
    if what is not None:
        skipped.add(path, f"{what} of textgen")
        return []
    return [path / name for name in names if not name.startswith(".")]
