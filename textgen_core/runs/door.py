"""The one door to the files of a run: nothing else opens any of them.

A run may come from a stranger, or be damaged. So its files are opened in its own folder without
following a link, each must be a regular file, and none may be larger than its kind ever gets. The
folder of the run itself may be reached through links: who named it meant it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import format_size

# The largest that a file may be, by its name or its ending. How large weights may be, their own
# header says: see `tensors`.
_LARGEST = {
    "run.toml": 4_000_000,  # a command line that names many files
    "best.json": 100_000,
    "state.json": 100_000,
    "tokenizer.json": 64_000_000,
    "counts.safetensors": 256_000_000,  # twelve million n-grams
    "earlier.safetensors": 1_000_000,  # some 20,000 tokens, four bytes each
    "corpus.txt.gz": 16_000_000,
    ".json": 32_000_000,
    ".jsonl": 256_000_000,
}

# A link planted after `_check` is refused by the system, and a FIFO does not wait for its writer.
_SAFELY = sum(
    getattr(os, name, 0)
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)
_FOLDER = (
    getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_IS_RELATIVE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


def open_to_read(path: Path, within: Path | None = None) -> BinaryIO:
    """Open a file of a run to read it.

    within: the folder of the run, for a file that does not lie in it directly. Raises
    RunDirectoryError if a link leads there, or if it is no regular file or too large, else OSError.
    """
    file = os.fdopen(_open(path, within, os.O_RDONLY), "rb")
    size, largest = os.fstat(file.fileno()).st_size, largest_size(path)
    if largest is not None and size > largest:
        file.close()
        raise RunDirectoryError(
            f"{path} is too large: {format_size(size)}.",
            f"Allowed: up to {format_size(largest)}.",
            _restore(path),
        )
    return file


def open_to_append(path: Path) -> BinaryIO:
    """Open a log of a run to add to it; it is made if it is not there. Raises as `open_to_read`."""
    return os.fdopen(_open(path, None, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab")


def is_there(path: Path) -> bool:
    """Return whether anything lies at a path, be it a link to nowhere: to open it will tell."""
    return os.path.lexists(path)


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; raises RunDirectoryError if it is a link to anything."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(mode):
        raise _link_error(path)
    return stat.S_ISDIR(mode)


def list_names(folder: Path) -> list[str]:
    """Return the names of what lies in a folder of a run, nothing if it is not there.

    Raises RunDirectoryError if it is a link, or cannot be looked at.
    """
    try:
        return [each.name for each in folder.iterdir()] if is_folder(folder) else []
    except OSError as error:
        raise RunDirectoryError(f"{folder} cannot be read: {error.strerror or error}.") from error


def check_tree(folder: Path) -> None:
    """Raise RunDirectoryError unless all below a folder is files, folders, and links within it.

    For what writes below it by itself, as a tracker does, and goes through no door.
    """
    inside = folder.resolve()
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *files)):
            mode = path.lstat().st_mode
            if inside not in Path(os.path.realpath(path)).parents:
                raise _link_error(path)
            if not (stat.S_ISLNK(mode) or stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise _kind_error(path, mode)


def largest_size(path: Path) -> int | None:
    """Return how many bytes a file of a run may have; None where its name sets no bound."""
    return _LARGEST.get(path.name, _LARGEST.get(path.suffix))


def _open(path: Path, within: Path | None, flags: int) -> int:
    """Return the descriptor of a regular file that no link within the run leads to."""
    names = (path.name,) if within is None else path.relative_to(within).parts
    folder = path.parent if within is None else within
    for number in range(1, len(names)):
        _check(folder.joinpath(*names[:number]), is_folder=True)
    if is_there(path):
        _check(path, is_folder=False)
    if len(names) == 1 or not _IS_RELATIVE:
        return os.open(path, flags | _SAFELY, 0o666)
    held = os.open(folder, _FOLDER)
    try:
        for name in names[:-1]:
            above, held = held, os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=held)
            os.close(above)
        return os.open(names[-1], flags | _SAFELY, 0o666, dir_fd=held)
    finally:
        os.close(held)


def _check(path: Path, *, is_folder: bool) -> None:
    mode = path.lstat().st_mode
    if not (stat.S_ISDIR(mode) if is_folder else stat.S_ISREG(mode)):
        raise _link_error(path) if stat.S_ISLNK(mode) else _kind_error(path, mode)


def _link_error(path: Path) -> RunDirectoryError:
    return RunDirectoryError(
        f"{path} is a symbolic link, and what belongs to a run is never looked for elsewhere.",
        "Allowed in a run: files and folders of its own.",
        "If you know and trust what it leads to, put a copy of that in its place.",
    )


def _kind_error(path: Path, mode: int) -> RunDirectoryError:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFREG: "a file",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
    }
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    wanted = "a folder" if stat.S_ISREG(mode) else "a regular file"
    return RunDirectoryError(f"{path} is {kind}.", f"Allowed: {wanted}.", _restore(path))


def _restore(path: Path) -> str:
    return f"Restore {path.name} from a copy of the run, or open another run."
