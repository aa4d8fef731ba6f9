"""How large a file and the core may grow, and that the two ways of docs/architecture.md exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import attrs
import pytest
from architecture import CORE, parse, sources

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
FOLDERS = (ROOT / CORE, ROOT / "plugins")

LINES_OF_A_FILE = 300
ENTRIES_OF_THE_CORE = 26
STOPS_OF_A_WAY = {"to a drawn token": 14, "to a gradient": 20}


@attrs.frozen
class Stop:
    """A file of a way, and the function at which one enters it."""

    file: str
    function: str


def ways_of(text: str) -> dict[str, list[Stop]]:
    """Return the numbered lists of the section, each by the line above it.

    An item names a file in its first pair of backquotes and a function in the second.
    """
    section = text.partition("\n## The two ways\n")[2].partition("\n## ")[0]
    ways: dict[str, list[Stop]] = {}
    title = ""
    for line in section.splitlines():
        if re.match(r"\d+\. ", line):
            file, function, *_ = [*re.findall(r"`([^`]+)`", line), "", ""]
            ways.setdefault(title, []).append(Stop(file, function))
        elif line.strip() and not line.startswith(" "):
            title = line
    return ways


def faults_of(stop: Stop) -> str | None:
    """Return what is wrong with a stop: its file or its function is not there."""
    path = next((each / stop.file for each in FOLDERS if (each / stop.file).is_file()), None)
    if path is None or path.suffix != ".py":
        return f"{stop.file!r} is no file of the core or of a plugin"
    functions = {node.name for node in ast.walk(parse(path)) if isinstance(node, ast.FunctionDef)}
    return None if stop.function in functions else f"{stop.file} has no {stop.function!r}"


# ---- sizes ------------------------------------------------------------------------------------


def test_no_file_of_core_or_plugins_is_long() -> None:
    files = [path for folder in FOLDERS for path in sources(folder)]
    assert len(files) > 100
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert [path for path, lines in lengths.items() if lines > LINES_OF_A_FILE] == []


def test_few_entries_lie_directly_in_the_core() -> None:
    entries = {path.name for path in (ROOT / CORE).iterdir()} - {"__pycache__"}
    assert {"errors.py", "cli"} <= entries
    assert len(entries) <= ENTRIES_OF_THE_CORE


# ---- the two ways -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ways() -> dict[str, list[Stop]]:
    return ways_of(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("end", STOPS_OF_A_WAY)
def test_a_way_is_short_and_visits_no_file_twice(ways: dict[str, list[Stop]], end: str) -> None:
    (way,) = (stops for title, stops in ways.items() if end in title)
    assert 5 < len(way) <= STOPS_OF_A_WAY[end]
    files = [stop.file for stop in way]
    assert sorted(files) == sorted({*files})


def test_the_files_and_functions_of_the_ways_exist(ways: dict[str, list[Stop]]) -> None:
    assert len(ways) == len(STOPS_OF_A_WAY)
    assert [fault for way in ways.values() for stop in way if (fault := faults_of(stop))] == []


def test_a_stop_that_does_not_exist_is_found() -> None:
    page = (
        "x\n## The two ways\n\nTo A:\n\n1. `errors.py`, `gone`: x `y`\n2. `gone.py`, `f`\n\n"
        "To B:\n\n1. `errors.py`\n\n## Next\n\n1. `other.py`, `f`\n"
    )
    ways = ways_of(page)
    assert list(ways) == ["To A:", "To B:"]
    assert ways["To A:"] == [Stop("errors.py", "gone"), Stop("gone.py", "f")]
    assert all(faults_of(stop) for way in ways.values() for stop in way)
