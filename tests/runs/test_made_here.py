"""Notes on the runs made here: found for a run that was moved, never for one from afar."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import attrs
import pytest

from textgen_core.runs import RunDirectory
from textgen_core.runs.made_here import (
    Note,
    read_note,
    write_configuration,
    write_manifest,
    write_note,
)

NOTE = Note(files=["/texts/diary.txt"], test="/texts/test.txt", trackers=[{"name": "tensorboard"}])


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEXTGEN_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def run(tmp_path: Path, state: Path) -> RunDirectory:
    (tmp_path / "run").mkdir()
    run = RunDirectory(tmp_path / "run")
    run.configuration.write_text("seed = 1\n")
    assert write_note(run, NOTE)
    write_manifest(run, {"created": "today"})
    return run


def test_a_note_follows_a_run_that_is_moved_or_copied(run: RunDirectory, tmp_path: Path) -> None:
    assert read_note(run) == NOTE
    shutil.copytree(run.path, tmp_path / "copy")
    shutil.move(run.path, tmp_path / "elsewhere")
    for name in ("copy", "elsewhere"):
        assert read_note(RunDirectory(tmp_path / name)) == NOTE


def test_only_one_note_is_left_and_nobody_else_can_read_it(run: RunDirectory, state: Path) -> None:
    (note,) = (state / "runs").iterdir()  # the one from before the manifest has gone
    assert note.stat().st_mode & 0o777 == 0o600
    assert note.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("seed", [1, 2])
def test_a_note_stays_where_run_toml_is_written_anew(
    seed: int, tmp_path: Path, state: Path
) -> None:
    run = RunDirectory(tmp_path)
    run.configuration.write_text("seed = 1\n")
    assert write_note(run, NOTE)
    write_configuration(run, {"seed": seed})
    assert read_note(run) == NOTE
    assert len([*(state / "runs").iterdir()]) == 1


@pytest.mark.parametrize("change", ["manifest", "no manifest", "other state"])
def test_another_run_has_no_note(
    run: RunDirectory, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if change == "manifest":
        run.manifest.write_text(run.manifest.read_text() + "\n")
    elif change == "no manifest":
        run.manifest.unlink()
    else:
        monkeypatch.setenv("TEXTGEN_STATE", str(tmp_path / "other"))
    assert read_note(run) is None


def test_notes_that_are_damaged_large_or_another_users_count_as_none(
    run: RunDirectory, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (note,) = (state / "runs").iterdir()
    whole = note.read_bytes()
    for text in (
        b"",
        b"[" * 100_000,
        b"5",
        b'{"files": 5}',
        b'{"files": ["a"], "test": 1}',
        b"\xff",
    ):
        note.write_bytes(text)
        assert read_note(run) is None, text[:40]
    note.write_bytes(whole)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert read_note(run) is None


def test_the_note_before_stays_where_the_disk_is_full(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert write_note(run, NOTE)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("textgen_core.runs.files.flush", fail)
    assert not write_note(run, attrs.evolve(NOTE, files=("elsewhere.txt",)))
    assert read_note(run) == NOTE


def test_where_no_note_can_be_written_that_is_said(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for folder in (str(tmp_path / "file" / "state"), "relative/state"):
        monkeypatch.setenv("TEXTGEN_STATE", folder)
        assert not write_note(run, NOTE)
        assert read_note(run) is None
    assert json.loads(run.manifest.read_text()) == {"created": "today"}
