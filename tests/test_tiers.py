"""The tiers themselves: which tests run by default, which when they are named or asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiers import FIRST, SLOW, STALE_ENTRIES, is_slow, rank, stale_entries

ROOT = Path(__file__).resolve().parents[1]
MIXED = "tests/docs/test_course.py"


def collected(*arguments: str) -> list[str]:
    """Return the ids of the tests that pytest would run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_a_folder_runs_its_quick_tests_and_m_slow_the_others() -> None:
    quick, slow = collected("tests/docs"), collected("tests/docs", "-m", "slow")
    assert not set(quick) & set(slow)
    assert any("test_every_command_of_the_course" in each for each in slow)
    assert any("test_every_picture_of_a_page" in each for each in quick)


def test_a_slow_test_runs_when_its_file_or_its_id_is_named() -> None:
    (slow,) = (each for each in collected(MIXED) if "every_command_of_the_course" in each)
    assert collected(slow) == [slow]


def test_every_entry_stands_for_a_test(request: pytest.FixtureRequest) -> None:
    stale = request.config.stash.get(STALE_ENTRIES, None)
    if stale is None:
        pytest.skip("not all tests were collected")
    assert stale == []


def test_an_entry_that_stands_for_no_test_is_found(request: pytest.FixtureRequest) -> None:
    stale = stale_entries([request.node])
    assert set(stale) == {*SLOW, *FIRST}


def test_no_test_is_marked_slow_anywhere_else() -> None:
    mark = "mark." + "slow"
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    assert [path.name for path in files if mark in path.read_text(encoding="utf-8")] == []


def test_the_longest_files_come_first(request: pytest.FixtureRequest) -> None:
    assert rank(request.node) == len(FIRST)
    assert not is_slow(request.node)
