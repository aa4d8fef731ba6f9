"""The two books of the course, by their names: `course:en` and `course:es`.

They lie in the package as plain files, and are read as any file is. What is printed and recorded of
one is its name, since the package lies elsewhere on another machine.
"""

from __future__ import annotations

from pathlib import Path

from textgen_core.formatting import expand_home

COURSE = "course:"
_FOLDER = Path(__file__).resolve().parents[1] / "course"


def course_names() -> tuple[str, ...]:
    """Return the names of the course's texts."""
    return tuple(sorted(f"{COURSE}{file.stem}" for file in _FOLDER.glob("*.txt")))


def course_file(name: str | Path) -> Path | None:
    """Return where the text of this name lies; None if `name` is not that of such a text."""
    language = str(name).removeprefix(COURSE)
    is_name = language != str(name) and str(name) in course_names()
    return _FOLDER / f"{language}.txt" if is_name else None


def course_name(path: str | Path) -> str | None:
    """Return the name of the text that lies there; None if `path` leads elsewhere."""
    return f"{COURSE}{Path(path).stem}" if Path(path).parent == _FOLDER else None


def as_path(path: str | Path) -> Path:
    """Return a path as it is opened: that of a name of the course, or the path itself."""
    return course_file(path) or Path(path)


def anywhere(path: str | Path) -> str:
    """Return a path as it holds in every folder: absolute, or a name of the course."""
    return str(path) if course_file(path) else str(expand_home(path).absolute())
