"""What a person sees while a run goes on: a bar that stays, and lines beside it."""

import io

import pytest
from rich.console import Console

from textgen_core.cli import terminal

ROW = {"epoch": 1, "loss": 2.0, "tokens_per_second": 900.0, "seconds": 3.0}


@pytest.fixture
def written(monkeypatch):
    """Both streams of a terminal, in the order in which they are written."""
    file = io.StringIO()
    for name in ("stdout", "stderr"):
        console = Console(file=file, force_terminal=True, width=90, highlight=False)
        monkeypatch.setattr(terminal, name, lambda console=console: console)
    return file


def test_lines_that_come_while_the_bar_stands_are_whole_and_the_bar_goes_on(written):
    callback = terminal.TerminalCallback()
    callback.on_estimate(8.0, 282)
    callback.on_message(["computed under XLA in float32", "guessing costs 4.673 nats"])
    callback.on_training_row(ROW, 0.5)
    callback.on_message(["another line"])
    assert callback._bar is not None
    callback.on_training_end(interrupted=False)
    lines = written.getvalue().splitlines()
    for wanted in (
        "computed under XLA in float32",
        "guessing costs 4.673 nats",
        "another line",
    ):
        assert any(line.rstrip().endswith(f"  {wanted}") for line in lines), wanted
    assert "about 8 s: 282 steps" in lines[0]


def test_what_is_left_of_some_minutes_is_never_more_than_the_minutes(written, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    callback = terminal.TerminalCallback()
    callback.on_estimate(180.0, None)
    shown = []
    monkeypatch.setattr(callback, "_update_bar", lambda share, text: shown.append(text))
    for seconds, progress in ((8.0, 0.02), (60.0, 0.1), (179.0, 0.97), (185.0, 1.0)):
        now[0] = 100.0 + seconds
        callback.on_training_row({**ROW, "seconds": seconds}, progress)
    callback.close()
    left = [text.rpartition("  ")[2] for text in shown]
    assert left == ["2 min 52 s left", "2 min left", "1 s left", "0 s left"]


def test_lines_without_a_bar_are_written_as_they_are(written):
    callback = terminal.TerminalCallback()
    callback.on_message(["one", "two"])
    assert written.getvalue() == "  one\n  two\n"


def test_a_terminal_that_cannot_move_gets_lines_and_no_bar(monkeypatch, written):
    monkeypatch.setenv("TERM", "dumb")
    for name in ("stdout", "stderr"):
        console = Console(file=written, force_terminal=True, width=90, highlight=False)
        monkeypatch.setattr(terminal, name, lambda console=console: console)
    callback = terminal.TerminalCallback()
    callback.on_estimate(8.0, 282)
    callback.on_training_row(ROW, 0.5)
    callback.on_training_end(interrupted=False)
    assert written.getvalue() == "  about 8 s: 282 steps\n  compiling\n"


def test_a_quiet_run_writes_no_findings(written):
    callback = terminal.TerminalCallback(quiet=True)
    callback.on_estimate(8.0, 282)
    callback.on_message(["one"])
    callback.on_training_row(ROW, 0.5)
    callback.on_training_end(interrupted=False)
    assert written.getvalue() == ""


def test_a_long_step_shows_a_bar_that_goes_when_the_step_is_over(written):
    callback = terminal.TerminalCallback()
    callback.on_progress("encoding train", 50, 200)
    assert callback._bar is not None
    callback.on_message(["a line beside it"])
    callback.on_progress("encoding train", 200, 200)
    assert callback._bar is None
    callback.on_progress("encoding test", 0, 0)  # nothing to do is done at once
    assert callback._bar is None
    assert "25%" in written.getvalue()
    assert "encoding train" in written.getvalue()
