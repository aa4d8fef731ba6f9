"""What a person sees while a run goes on: a bar that stays, and lines beside it."""

import io
import re

import pytest
from rich.cells import cell_len

from textgen_core.cli import terminal
from textgen_core.cli.console import Console
from textgen_core.cli.progress import can_stay

ROW = {"epoch": 1, "loss": 2.0, "tokens_per_second": 900.0, "seconds": 3.0}
VALIDATION = {
    "step": 1234567,
    "validation_loss": 2.125,
    "validation_perplexity": 8.4,
    "validation_bits_per_byte": 1.5,
}
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CLOCK = r"\d\d:\d\d"


class Screen(io.StringIO):
    def isatty(self):
        return True


def shown_on(monkeypatch, file, width=90, **given):
    """Let both streams of a run be a file, in the order in which they are written."""
    for name in ("stdout", "stderr"):
        console = Console(
            file=file, width=width, highlight=False, markup=False, soft_wrap=True, **given
        )
        monkeypatch.setattr(terminal, name, lambda console=console: console)
    return file


@pytest.fixture(autouse=True)
def no_notebook(monkeypatch):
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def written(monkeypatch):
    return shown_on(monkeypatch, Screen(), force_terminal=True)


@pytest.fixture
def piped(monkeypatch):
    return shown_on(monkeypatch, io.StringIO())


def test_lines_that_come_while_the_bar_stands_are_whole_and_the_bar_goes_on(written):
    callback = terminal.TerminalCallback()
    callback.on_estimate(8.0, 282)
    callback.on_message(["guessing costs 4.673 nats"])
    callback.on_training_row(ROW, 0.5)
    callback.on_message(["another line"])
    assert callback._line.is_shown
    callback.on_training_end(interrupted=False)
    lines = written.getvalue().splitlines()
    for wanted in ("guessing costs 4.673 nats", "another line"):
        assert any(line.rstrip().endswith(f"  {wanted}") for line in lines), wanted
    assert re.search(rf"about 8 s, until {CLOCK}: 282 steps", lines[0])


def test_what_is_left_of_some_minutes_is_never_more_than_the_minutes(written, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    callback = terminal.TerminalCallback()
    callback.on_estimate(180.0, None)
    shown = []
    monkeypatch.setattr(callback._line, "update", lambda share, text: shown.append(text))
    for seconds, progress in ((8.0, 0.02), (60.0, 0.1), (179.0, 0.97), (185.0, 1.0)):
        now[0] = 100.0 + seconds
        callback.on_training_row({**ROW, "seconds": seconds}, progress)
    callback.close()
    left = [text.rpartition("  ")[2] for text in shown]
    assert left == ["2 min 52 s left", "2 min left", "1 s left", "0 s left"]


def test_lines_without_a_bar_are_written_as_they_are(piped):
    callback = terminal.TerminalCallback()
    callback.on_message(["one", "two " * 60 + "end"])
    assert piped.getvalue() == f"  one\n  {'two ' * 60}end\n"


@pytest.mark.parametrize("streams", ["dumb", "piped", "told to be a terminal"])
def test_what_cannot_keep_a_line_in_place_gets_lines_with_the_time_left(streams, monkeypatch):
    is_pipe = streams != "dumb"
    monkeypatch.setenv("TERM", "xterm" if is_pipe else "dumb")
    if streams == "told to be a terminal":
        monkeypatch.setenv("FORCE_COLOR", "1")  # as a kernel of Jupyter does
    file = shown_on(monkeypatch, io.StringIO() if is_pipe else Screen(), no_color=True)
    callback = terminal.TerminalCallback()
    callback.on_estimate(8.0, 282)
    callback.on_training_row({**ROW, "seconds": 4.0}, 0.25)
    callback.on_validation_row(VALIDATION)
    callback.on_training_end(interrupted=False)
    lines = ESCAPE.sub("", file.getvalue()).splitlines()
    assert re.fullmatch(rf"  about 8 s, until {CLOCK}: 282 steps", lines[0])
    assert lines[1] == "  compiling"
    figures = "step 1,234,567 epoch 1 loss 2.000 validation 2.125 1.500 bits/byte 12 s left"
    assert " ".join(" ".join(lines[2:]).split()) == figures  # a dumb terminal has 80 columns


def test_a_notebooks_cell_shows_one_line_that_is_written_over(written, monkeypatch):
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    monkeypatch.setattr("textgen_core.cli.progress._PAUSE", 0.0)
    callback = terminal.TerminalCallback()
    callback.on_estimate(8.0, 282)
    callback.on_training_row(ROW, 0.5)
    callback.on_validation_row(VALIDATION)
    callback.on_training_row(ROW, 0.75)
    callback.on_training_end(interrupted=False)
    told = ESCAPE.sub("", written.getvalue())
    assert "\x1b" not in written.getvalue()
    cell = [part.rpartition("\r")[2] for part in told.split("\n")]
    assert cell[1] == "  step 1,234,567  epoch 1  loss 2.000  validation 2.125  1.500 bits/byte"
    assert "\r   50%  epoch 1  loss 2.000  3 s left" in told
    assert cell[-1] == ""  # nothing of it stays
    assert told.rpartition("\n")[2].count("\r") >= 3


def test_a_quiet_run_writes_no_findings(written):
    callback = terminal.TerminalCallback(quiet=True)
    callback.on_estimate(8.0, 282)
    callback.on_message(["one"])
    callback.on_training_row(ROW, 0.5)
    callback.on_verdict(["It writes."])
    callback.on_training_end(interrupted=False)
    callback.show_verdict()
    assert written.getvalue() == ""


def test_a_long_step_shows_a_bar_that_goes_when_the_step_is_over(written):
    callback = terminal.TerminalCallback()
    callback.on_progress("encoding train", 50, 200)
    assert callback._line.is_shown
    callback.on_message(["a line beside it"])
    callback.on_progress("encoding train", 200, 200)
    assert not callback._line.is_shown
    callback.on_progress("encoding test", 0, 0)  # nothing to do is done at once
    assert not callback._line.is_shown
    assert "25%" in written.getvalue()
    assert "encoding train" in written.getvalue()


# ---- what is told, and how it is laid out -------------------------------------------------------


def test_what_is_technical_is_for_the_verbose_alone(piped):
    for verbose in (False, True):
        callback = terminal.TerminalCallback(verbose=verbose)
        callback.on_detail(["computed under XLA"])
        callback.on_table(["layer", "parameters"], [["output", "1,234"]])
        callback.on_training_row(ROW, 0.0)
        callback.on_validation_row(VALIDATION)
        told = piped.getvalue()
        for technical in ("XLA", "layer", "perplexity 8.4", "900 tokens/s"):
            assert (technical in told) == verbose, technical


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal_or_cut_inside_a_word(width, monkeypatch):
    file = shown_on(monkeypatch, Screen(), width, force_terminal=True, no_color=True)
    callback = terminal.TerminalCallback()
    words = [f"word{number}" for number in range(60)]
    told = " ".join(words)
    callback.on_message([f"frequent words      {told}", f"found: {told}"])
    callback.on_warning(f"{told}\n{told}")
    callback.on_sample({"prompt": "\n", "text": f"ROMEO:\n    {told}"})
    callback.on_generated([told, f"{told}\n\n\tthe 日本語 end"], "")
    callback.on_verdict([told, told])
    callback.show_verdict()
    lines = ESCAPE.sub("", file.getvalue()).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert {word for line in lines for word in line.split() if "ord" in word} == {"words", *words}
    if width > 60:
        assert lines[1].startswith(" " * 22 + "word")  # below what it continues


def test_a_sample_keeps_its_lines_behind_a_bar_that_no_line_of_the_log_has(piped):
    callback = terminal.TerminalCallback()
    callback.on_sample({"prompt": "\n", "text": "ROMEO:\n  My love\x1b[2J\r\n\n" + "O!\n" * 9})
    bar, lines = "  │ ", piped.getvalue().splitlines()
    assert lines[0] == f"{bar}ROMEO:"
    assert lines[1] == f"{bar}  My love\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}"
    assert lines[2] == bar
    assert len(lines) == 6
    assert lines[-1] == f"{bar}O! …"
    callback.on_generated(["one\ntwo", "three"], "")
    told = piped.getvalue().splitlines()[6:]
    assert told == [
        *("  sample 1 of 2", f"{bar}one", f"{bar}two", ""),
        *("  sample 2 of 2", f"{bar}three", ""),
    ]


def test_a_stream_without_the_bar_gets_another_one(monkeypatch):
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    shown_on(monkeypatch, file)
    terminal.TerminalCallback().on_generated(["one"], "")
    file.flush()
    assert b"  | one\n" in file.buffer.getvalue()


def test_a_quiet_run_leaves_a_text_as_it_is(piped):
    terminal.TerminalCallback(quiet=True).on_generated(["one\n  two"], "\n")
    assert piped.getvalue() == "\none\n  two\n\n"


def test_a_pipe_that_is_told_to_be_coloured_keeps_no_line_in_place():
    assert not can_stay(Console(file=io.StringIO(), force_terminal=True))


def test_a_long_training_ends_on_a_day(monkeypatch):
    assert re.fullmatch(CLOCK, terminal._clock(0.0))
    assert re.fullmatch(rf"[A-Z][a-z]+day, {CLOCK}", terminal._clock(3 * 86_400.0))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", terminal._clock(1e12))
