"""Which run a command takes, and that it says so."""

from __future__ import annotations

import os

import pytest
from cli.in_process import refuse_tensorflow, run_here

from textgen_core.errors import RunDirectoryError
from textgen_core.runs.directory import find_run


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Twenty runs, of which all but the newest have a checkpoint, and none a configuration."""
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        run = tmp_path / "runs" / f"run-{number:02d}"
        (run / "checkpoints").mkdir(parents=True)
        (run / "run.toml").write_text("broken")
        os.utime(run / "run.toml", (number, number))
        if number < 19:
            (run / "checkpoints" / "step-00000007").mkdir()
    return tmp_path / "runs"


COMMANDS = {
    ("generate",): "run-18",
    ("score", "text.txt"): "run-18",
    ("evaluate",): "run-18",
    ("explore", "neighbours", "king"): "run-18",
    ("resume",): "run-19",  # which starts again
    ("report",): "run-19",
}


def test_a_run_that_is_not_named_is_named_by_the_command(runs, monkeypatch, capsys):
    refuse_tensorflow(monkeypatch)
    for arguments, name in COMMANDS.items():
        done = run_here(monkeypatch, capsys, *arguments)
        first, *_ = done.stderr.splitlines()
        passed_over = "; run-19 has no checkpoint yet" if name == "run-18" else ""
        assert first == f"The newest run: {runs.name}/{name}{passed_over}", arguments
        assert done.stdout == "", arguments


def test_a_run_that_is_named_is_taken_without_a_word(runs, monkeypatch, capsys):
    refuse_tensorflow(monkeypatch)
    done = run_here(monkeypatch, capsys, "generate", "run-03")
    assert done.stderr.startswith("Error: runs/run-03/run.toml")


def test_runs_without_any_checkpoint_leave_the_newest(runs):
    for step in runs.glob("*/checkpoints/step-*"):
        step.rmdir()
    assert find_run(None, trained=True).name == "run-19"


def test_a_list_of_runs_says_how_many_more_there_are(runs):
    with pytest.raises(RunDirectoryError, match=r"several runs: run-00, .*, run-03 and 16 more"):
        find_run("run-")
    with pytest.raises(RunDirectoryError, match=r"run-16, .*, run-19 and 16 more"):
        find_run("nothing")
