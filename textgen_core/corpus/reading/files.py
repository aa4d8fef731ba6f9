"""Which files a corpus is made of: the paths that a person gave, with folders walked.

A file is taken once, however often it is reached, so that no text stands on both sides of a split
by accident. This module looks at names and kinds only; it reads no text.
"""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import attrs

from textgen_core.corpus.reading.documents import count_of
from textgen_core.corpus.reading.unpack import PACKED_SUFFIXES
from textgen_core.errors import CorpusError

STDIN = "-"
TEXT_SUFFIXES = (".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".org")
RUN_FILES = ("run.toml", "manifest.json")  # a folder with both is a run, not somebody's text
FILES_WANTED = (
    "Allowed: text files (.gz and .zst too), folders of them, pipes, - for standard input."
)
KINDS = (
    (stat.S_ISSOCK, "a socket", "Save what it sends as a file."),
    (stat.S_ISCHR, "a device", "Save what it gives as a file, or pipe it: ... | textgen run -"),
    (stat.S_ISBLK, "a device", "Give the files on it."),
)


@attrs.frozen(kw_only=True)
class Found:
    """What one given path stands for: itself, or the files in it if it is a folder."""

    name: str
    is_folder: bool
    files: tuple[Path, ...]


@attrs.define
class Skipped:
    """What is left out, and why: paths by reason."""

    by_reason: dict[str, list[str]] = attrs.Factory(dict)

    def add(self, path: str | Path, reason: str) -> None:
        """Remember that `path` is left out."""
        self.by_reason.setdefault(reason, []).append(shown(path))

    def notes(self) -> list[str]:
        """Return a sentence for each reason."""
        return [f"Skipped {listed(paths)}: {why}." for why, paths in self.by_reason.items()]


def find_files(paths: Sequence[str | Path], skipped: Skipped) -> list[Found]:
    """Return the files of each path, folders walked in sorted order, hidden files left out.

    A named pipe is taken where it is named itself, and left out of folders. Raises CorpusError for
    a path that is missing, unreadable, a device or a socket.
    """
    visited: set[tuple[int, int]] = set()
    return [_find(path, visited, skipped) for path in paths]


def is_text_name(path: Path) -> bool:
    """Return whether a file's name promises text, so that it may not be passed over silently."""
    name = path.name.lower()
    for suffix in PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name.endswith(TEXT_SUFFIXES)


def shown(path: str | Path) -> str:
    """Return `path` as it can be printed and saved, whatever bytes its name holds."""
    if str(path) == STDIN:
        return "standard input"
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if text.isprintable() and text else repr(text)


def listed(paths: Sequence[str], most: int = 3) -> str:
    """Return the first few of `paths` and how many more there are."""
    more = len(paths) - most
    return ", ".join(paths[:most]) + (f" and {more:,} more" if more > 0 else "")


def unreadable(path: str | Path, error: OSError | ValueError) -> CorpusError:
    """Return the error for a path that the system does not let us read."""
    reason = getattr(error, "strerror", None) or str(error)
    return CorpusError(
        f"{shown(path)} cannot be read: {reason}.",
        FILES_WANTED,
        "Check the path and its permissions.",
    )


def _find(path: str | Path, visited: set[tuple[int, int]], skipped: Skipped) -> Found:
    name = str(path)
    if name == STDIN:
        again = (-1, -1) in visited
        visited.add((-1, -1))
        return Found(name=shown(name), is_folder=False, files=() if again else (Path(STDIN),))
    status = _status(path)
    identity = (status.st_dev, status.st_ino)
    is_folder = stat.S_ISDIR(status.st_mode)
    if identity in visited:
        skipped.add(path, "already in the corpus")
        return Found(name=shown(path), is_folder=is_folder, files=())
    visited.add(identity)
    if is_folder:
        return _walk(Path(path), visited, skipped)
    for is_kind, kind, advice in KINDS:
        if is_kind(status.st_mode):
            raise CorpusError(f"{shown(path)} is {kind}, not a file.", FILES_WANTED, advice)
    return Found(name=shown(path), is_folder=False, files=(Path(path),))


def _status(path: str | Path) -> os.stat_result:
    try:
        return os.stat(path)  # noqa: PTH116 - Path("") would be the current folder
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CorpusError(
            f"There is no file {shown(path)}.", FILES_WANTED, _nearest(Path(path))
        ) from error
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _nearest(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return f"Nor is there a folder {shown(path.parent)}."
    near = difflib.get_close_matches(path.name, names, n=1)
    if near:
        return f"Did you mean {shown(path.parent / near[0])}?"
    return "Leave the corpus out to try textgen with the built-in one."


def _walk(folder: Path, visited: set[tuple[int, int]], skipped: Skipped) -> Found:
    waiting = [folder]
    files = []
    reached = 0
    while waiting:
        path = waiting.pop()
        status = _entry_status(path, skipped)
        if status is None:
            continue
        if path != folder:
            reached += stat.S_ISREG(status.st_mode)
            if not _is_new(path, status, visited, skipped):
                continue
        if stat.S_ISREG(status.st_mode):
            files.append(path)
        else:
            waiting.extend(reversed(_entries(path, folder, skipped)))
    if not reached:
        raise no_text_in(shown(folder), 0)
    return Found(name=shown(folder), is_folder=True, files=tuple(files))


def no_text_in(folder: str, files: int) -> CorpusError:
    """Return the error for a folder of which nothing could be used."""
    what = (
        f"none of its {count_of(files, 'file')} is text"
        if files
        else "there is no file to see in it"
    )
    return CorpusError(
        f"The folder {folder} holds no text: {what}.",
        "Allowed: text files, such as .txt or .md; hidden files do not count.",
        "Name the files one by one to see what is wrong with each.",
    )


def _entry_status(path: Path, skipped: Skipped) -> os.stat_result | None:
    try:
        status = path.stat()
    except OSError:
        skipped.add(path, "a link that leads nowhere, or not readable")
        return None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        skipped.add(path, "not a file")
        return None
    return status


def _is_new(
    path: Path, status: os.stat_result, visited: set[tuple[int, int]], skipped: Skipped
) -> bool:
    identity = (status.st_dev, status.st_ino)
    if identity in visited:
        skipped.add(path, "already in the corpus")
        return False
    visited.add(identity)
    return True


def _entries(path: Path, folder: Path, skipped: Skipped) -> list[Path]:
    """Return the visible entries of a folder, sorted; an inner one may be unreadable."""
    try:
        names = sorted(entry.name for entry in os.scandir(path))
    except OSError as error:
        if path == folder:
            raise unreadable(path, error) from error
        skipped.add(path, "not readable")
        return []
    if path != folder and set(RUN_FILES) <= set(names):
        skipped.add(path, "a run of textgen")
        return []
    return [path / name for name in names if not name.startswith(".")]
