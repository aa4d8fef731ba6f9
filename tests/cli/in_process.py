"""Runs the command in the process of the test, which is quick where TensorFlow is not needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from textgen_core.cli import main


def run_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Return what `textgen` with these arguments prints, and its exit code."""
    command = ["textgen", *arguments]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as left:
            main()
    captured = capsys.readouterr()
    return subprocess.CompletedProcess(
        command, int(left.value.code or 0), captured.out, captured.err
    )


def refuse_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a command fail that would go on to import TensorFlow, though the process may have it."""

    def refuse() -> None:
        raise AssertionError("TensorFlow would be imported")

    monkeypatch.setattr("textgen_core.cli.startup.import_tensorflow", refuse)
