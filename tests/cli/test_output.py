"""The door to the terminal: nothing acts on it, whatever the streams are."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli.in_process import run_here

from textgen_core.cli import main, output, score, take_out_debug
from textgen_core.cli.console import Console
from textgen_core.errors import TextgenError

FULL = Path("/dev/full")
HOSTILE = "a\x1b]0;title\x07b\x1b[2Jc\x9b31md\u202ee\u2066f"
CONTROLS = {chr(each) for each in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F))}
COMMANDS = [
    ["--help"],
    ["--version"],
    ["plugins"],
    ["plugins", "list", "--json"],
    ["plugins", "show", "sampler/nucleus"],
    ["plugins", "why", "sampler/nucleus"],
    ["recipes"],
    ["recipes", "--json"],
    ["run", "--dry-run", "--quiet"],
    ["analyze"],
]


def run_with(monkeypatch, arguments, stdout, stderr):
    """Return the exit code of a command with these files as its streams, which are closed then."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["textgen", *arguments])
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", stderr)
        with pytest.raises(SystemExit) as left:
            main()
    for stream in (stdout, stderr):
        with contextlib.suppress(OSError):  # nothing is left in it, but a pipe is broken
            stream.close()
    return int(left.value.code or 0)


def without_reader():
    """A pipe's end that nobody reads from."""
    reads, writes = os.pipe()
    os.close(reads)
    return os.fdopen(writes, "w")


@pytest.fixture
def text(tmp_path, monkeypatch):
    """A short corpus, and a folder without runs."""
    path = tmp_path / "text.txt"
    path.write_text("the wheel turns by the water\n" * 50)
    monkeypatch.chdir(tmp_path)
    return str(path)


def test_a_reader_that_leaves_ends_every_command_quietly(monkeypatch, tmp_path, text):
    for arguments in COMMANDS:
        arguments = [*arguments, text] if arguments[0] in ("run", "analyze") else arguments
        errors = tmp_path / "errors"
        code = run_with(monkeypatch, arguments, without_reader(), errors.open("w"))
        lines = [each for each in errors.read_text().splitlines() if "Warning: " not in each]
        assert (code, lines) == (0, []), arguments


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
def test_a_full_device_is_named_and_is_no_fault_of_textgen(monkeypatch, tmp_path, text):
    for arguments in (
        ["--help"],
        ["plugins"],
        ["recipes", "--json"],
        ["run", "--dry-run", "-q", text],
    ):
        errors = tmp_path / "errors"
        code = run_with(monkeypatch, arguments, FULL.open("w"), errors.open("w"))
        shown = errors.read_text()
        assert code == 1, arguments
        assert "cannot be written to stdout: No space left on device." in shown, arguments
        assert "report it" not in shown, arguments


def test_errors_that_nobody_reads_change_no_exit_code(monkeypatch, tmp_path):
    stdout = (tmp_path / "output").open("w")
    assert run_with(monkeypatch, ["rum"], stdout, without_reader()) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's syntax")
def test_closed_streams_are_no_streams_and_no_fault():
    command = f'"{sys.executable}" -m textgen_core'
    for streams, arguments, code in ((">&- 2>&- <&-", "recipes", 0), (">&- 2>&-", "rum", 2)):
        done = subprocess.run(
            f"{command} {arguments} {streams}", shell=True, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (code, b"", b""), streams


def test_a_run_outlives_its_reader_and_then_ends_as_quietly():
    stream = without_reader()
    raw = stream.buffer.raw
    guarded = io.TextIOWrapper(io.BufferedWriter(output._Guarded(raw, is_essential=True)))
    with output.outliving_reader():
        for _ in range(2):
            print("lost", file=guarded, flush=True)
    with pytest.raises(output.ReaderGone):
        print("the end", file=guarded, flush=True)
    with output.outliving_reader():
        guarded.close()
    stream.close()


def test_debug_is_an_option_anywhere_but_as_the_value_of_one():
    for line, rest, debug in (
        ("run --debug book.txt", "run book.txt", True),
        ("--debug plugins list", "plugins list", True),
        ("generate --prompt --debug", "generate --prompt --debug", False),
        ("generate --prompt --debug --debug", "generate --prompt --debug", True),
        ("generate --prompt=--debug", "generate --prompt=--debug", False),
        ("generate --prompt --", "generate --prompt --", False),
        ("generate --json --debug", "generate --json", True),
        ("explore neighbours --debug -- --debug", "explore neighbours -- --debug", True),
    ):
        assert take_out_debug(line.split()) == (rest.split(), debug), line


def test_ctrl_c_is_no_error(monkeypatch, capsys):
    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("textgen_core.config.sources.recipe_names", press)
    done = run_here(monkeypatch, capsys, "recipes")
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_a_broken_package_is_to_be_reinstalled_and_a_broken_module_of_ours_reported(
    monkeypatch, capsys
):
    for name, advice in (
        ("numpy", "Reinstall textgen with all that it needs: pip install --force-reinstall"),
        ("textgen_core.runs.nothing", "Please report it"),
    ):

        def fail(*_, name=name):
            raise ImportError("libfoo.so.1: cannot open shared object file", name=name)

        monkeypatch.setattr("textgen_core.config.sources.recipe_names", fail)
        done = run_here(monkeypatch, capsys, "recipes")
        assert done.returncode == 1
        assert "ImportError: libfoo.so.1" in done.stderr
        assert advice in done.stderr


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def on_terminal(monkeypatch, write):
    """Return what a terminal gets, on both streams."""
    stream = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        write()
    return stream.getvalue()


WAYS = {
    "line": lambda: output.show_line(HOSTILE),
    "text": lambda: output.show_text(HOSTILE),
    "note": lambda: output.note(HOSTILE),
    "warning": lambda: output.warn(HOSTILE),
    "error": lambda: output.fail(str(TextgenError(HOSTILE, HOSTILE, HOSTILE))),
    "JSON": lambda: output.print_json({HOSTILE: [HOSTILE]}),
    "row": lambda: output.show_json_row("1.00", HOSTILE),
    "console": lambda: Console(file=sys.stdout, color_system=None).print(HOSTILE),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_the_terminal_lets_a_control_character_through(monkeypatch, way):
    monkeypatch.setenv("NO_COLOR", "1")
    shown = on_terminal(monkeypatch, WAYS[way])
    assert "title" in shown
    assert not set(shown) & (CONTROLS - {"\n", "\t"}), shown


def test_json_to_a_terminal_is_the_same_value(monkeypatch):
    value = {HOSTILE: [HOSTILE, "é—\U0001f600", "\udcff"]}
    assert json.loads(on_terminal(monkeypatch, lambda: output.print_json(value))) == value


def test_what_a_stream_cannot_encode_is_escaped_and_not_lost(monkeypatch, tmp_path):
    for encoding in ("ascii", "cp1252", "gbk"):
        path = tmp_path / encoding
        with path.open("w", encoding=encoding) as stream, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            with output.guarded_streams():
                output.print_json(["é—\U0001f600 한"])
                output.show_line("\U0001f600")
        first, _, second = path.read_text(encoding=encoding).rpartition("]\n")
        assert json.loads(first + "]") == ["é—\U0001f600 한"], encoding
        assert second == "\\U0001f600\n", encoding


def test_no_message_is_endless(monkeypatch):
    for text in ("x" * 100_000, "a line\n" * 50_000 + "See: the advice"):
        shown = on_terminal(monkeypatch, lambda text=text: output.fail(text))
        assert len(shown) < 4_000
        assert shown.endswith(text[-10:] + "\n")


def test_colours_are_for_those_who_want_them(monkeypatch):
    wanted = {"TERM": "xterm", "NO_COLOR": ""}
    for changed, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        for name, value in {**wanted, **changed}.items():
            monkeypatch.setenv(name, value)
        shown = on_terminal(monkeypatch, lambda: output.fail("wrong"))
        assert ("\x1b[" in shown) is coloured, changed
        assert "Error: " in shown


def test_the_levels_of_a_score_are_told_apart_with_and_without_colours():
    for no_color, styles in ((False, score._STYLES), (True, score._PLAIN_STYLES)):
        stream = Terminal()
        console = Console(file=stream, color_system="truecolor", no_color=no_color)
        console.print(score._legend(styles))
        codes = re.findall(r"\x1b\[([\d;]*)m [^\x1b]+ \x1b", stream.getvalue())
        assert len(set(codes)) == 5, codes  # beside the lowest, which is plain
        assert any("48" in each.split(";") for each in codes) is not no_color
