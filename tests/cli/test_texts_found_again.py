"""What a run was trained on is found again, or asked for: of pipes, moved runs, and others'."""

from __future__ import annotations

import io
import shutil
import sys

import pytest
from cli.commands import TINY
from cli.conftest import write_text
from cli.in_process import run_here


class Terminal(io.TextIOWrapper):
    """Standard input that says it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_on_a_terminal_it_is_said_how_a_text_ends(monkeypatch, capsys, name):
    from textgen_core.cli.options import announce_stdin

    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(b""), encoding="utf-8"))
    announce_stdin("book.txt", None, name)
    assert "Ctrl-D at the start of a line ends it" in capsys.readouterr().err
    announce_stdin("book.txt", None)
    assert capsys.readouterr().err == ""


def test_analyze_reads_what_is_typed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(b"Typed by hand.\n"), encoding="utf-8"))
    done = run_here(monkeypatch, capsys, "analyze", "-")
    assert done.returncode == 0 and "Ctrl-D" in done.stderr


def test_a_run_from_a_pipe_is_scored_and_resumed_wherever_it_is(textgen_command, tmp_path):
    text = write_text(tmp_path)
    work = tmp_path / "work"
    made = textgen_command(
        "run", "-", *TINY, "--tracker", "tensorboard", "--out", "made", stdin=text.read_text()
    )
    assert made.returncode == 0, made.stderr
    scored = (work / "made" / "evaluation.json").read_text()
    shutil.move(work / "made", work / "moved")
    (work / "moved" / "evaluation.json").unlink()
    assert textgen_command("evaluate", "moved").returncode == 0
    assert (work / "moved" / "evaluation.json").read_text() == scored

    elsewhere = {"TEXTGEN_STATE": str(tmp_path / "another user's")}
    for command in (["evaluate", "moved"], ["resume", "moved", "--epochs", "1"]):
        refused = textgen_command(*command, env=elsewhere)
        assert refused.returncode == 4
        assert "moved was not made on this machine" in refused.stderr
        assert f"textgen {command[0]} moved --corpus FILE" in refused.stderr
        assert len(refused.stderr.partition("Error:")[2].strip().splitlines()) == 3
    other = textgen_command("evaluate", "moved", "--text", text, env=elsewhere)
    assert other.returncode == 0 and "training text is not at hand" in other.stderr
    further = ["resume", "moved", "--epochs", "1", "--corpus", text]
    resumed = textgen_command(*further, env=elsewhere)
    assert resumed.returncode == 0, resumed.stderr
    assert "tensorboard is named in moved/run.toml, and not started" in resumed.stderr
