"""`textgen generate --interactive`: what a line does, on a terminal and in a script."""

from __future__ import annotations

import io
import os
import shlex
import signal
import sys
from types import SimpleNamespace

import pytest
from cli.in_process import run_here
from fake_writing import FakeRun

from textgen_core.cli.interactive import PROMPT, Session
from textgen_core.cli.interrupts import interrupts_ignored
from textgen_core.cli.typed_lines import TypedLines
from textgen_core.errors import UsageError
from textgen_core.pipeline.draft import Draft


class FakeLines:
    """Lines as they are typed; an exception among them is raised."""

    def __init__(self, *lines, are_typed=True):
        self._lines = iter(lines)
        self.are_typed = are_typed
        self.prompts = []

    def read(self, prompt):
        self.prompts.append(prompt)
        line = next(self._lines, None)
        if isinstance(line, BaseException):
            raise line
        return line


def session_of(*lines, run=None, text="", are_typed=True, has_escapes=True, **options):
    draft = Draft(run or FakeRun(), text, **{"max_new_tokens": 9, "seed": 7, **options})
    return Session(draft, FakeLines(*lines, are_typed=are_typed), has_escapes=has_escapes)


def script(capsys, *lines, **options):
    """Return the exit code, stdout and stderr of lines that come through a pipe."""
    session = session_of(*lines, are_typed=False, **options)
    code = session.run()
    return session, code, *capsys.readouterr()


# ---- what goes into the text -----------------------------------------------------------------


def test_a_line_goes_on_right_after_the_text_and_enter_lets_the_model_go_on(capsys):
    session, code, shown, told = script(capsys, "the king ", "", " and", text="\n")
    assert session.draft.text == "\nthe king  7a. 8a. and 9a."
    assert shown == session.draft.text + "\n"
    assert (code, told) == (0, "")


def test_two_slashes_begin_a_text_with_one_and_a_space_before_a_slash_is_text(capsys):
    session, *_ = script(capsys, "//usr", " /help", "///")
    assert session.draft.text == "/usr 7a. /help 8a.// 9a."


def test_line_ends_are_written_as_elsewhere_or_by_lines_of_their_own(capsys):
    assert script(capsys, "a\\n", "b\\tc")[0].draft.text == "a\n 7a.b\tc 8a."
    assert script(capsys, "a\\n", has_escapes=False)[0].draft.text == "a\\n 7a."
    session, *_ = script(capsys, "/lines", "ann: hi", "bob: so", "", "/lines", "x")
    assert session.draft.text == "ann: hi\n 7a.\nbob: so\n 8a.\n 9a.x 10a."


def test_a_script_has_the_text_again_where_some_of_it_was_taken_back(capsys):
    _, _, shown, told = script(capsys, "one", "/retry", "/undo", "/undo", "/redo", "two")
    texts = ["one 7a.", "one 8a.", "one 7a.", "one 7a.two 9a."]
    assert shown == "\n--------\n\n".join(f"{text}\n" for text in texts)
    assert told == ""


# ---- commands --------------------------------------------------------------------------------


def test_the_settings_of_the_next_turns_are_changed(capsys):
    run = FakeRun()
    lines = ["/sampler top-k:5 nucleus:0.9", "/length 3", "/seed 40", "a", "/r"]
    _, code, _, told = script(capsys, *lines, run=run, stop=["\n"])
    assert run.asked[1:] == [  # after the one that makes the samplers ready
        ("a", ["top-k:5", "nucleus:0.9"], 3, 40, ["\n"]),
        ("a", ["top-k:5", "nucleus:0.9"], 3, 41, ["\n"]),
    ]
    last = 'Samplers: top-k:5 nucleus:0.9. Up to 3 tokens, and before "\\n". The next seed: 40.'
    assert told.splitlines()[-1] == last
    assert code == 0


@pytest.mark.parametrize(
    ("line", "problem", "allowed"),
    [
        ("/sing", "/sing is no command.", "/retry, /undo,"),
        ("/", "/ is no command.", "//"),
        ("/usr/bin", "/usr/bin is no command.", "with two: //"),
        ("/\x1b[31m", "is no command", "/help"),
        ("/sampler bad", "no sampler 'bad'", "Allowed: own."),
        ("/sampler 'top", "No closing quotation", ""),
        ("/length many", "/length has 'many'", "a whole number"),
        ("/length 0", "max_new_tokens is 0", "at least 1"),
        ("/length " + "9" * 5000, "/length has '999", "a whole number"),
        ("/seed -1", "The seed is -1", "0, 1"),
        ("/undo 3", "/undo takes nothing", ""),
        ("/undo", "nothing to undo", ""),
        ("/redo", "nothing to redo", ""),
        ("/save", "/save needs a file", "/save FILE"),
        ("/save!", "/save! needs a file", "/save! FILE"),
        ("/save missing/x.txt", "cannot be saved to missing/x.txt: No such", "a folder that"),
        ("/save a\0b", "cannot be saved", "a folder"),
        ("/save .", "is there already", "/save! ."),
        ("/save! .", "cannot be saved to .", "a folder"),
        ("/edit", "No editor is set.", "VISUAL or EDITOR"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_allowed_and_nothing_is_lost(
    capsys, monkeypatch, tmp_path, line, problem, allowed
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    session, code, shown, told = script(capsys, line, "on", text="first ")
    assert session.draft.text == "first on 7a."
    assert shown == "first on 7a.\n"
    assert told.startswith("Error: ")
    assert problem in told
    assert allowed in told
    assert "\x1b" not in told
    assert len(told.splitlines()) <= 3
    assert code == 2  # of a script; a session at a terminal has none
    assert session_of(line, "on", text="first ").run() == 0


def test_a_text_is_saved_as_it_is_and_no_file_is_replaced_unless_told(
    capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.txt").write_text("mine")
    _, code, _, told = script(
        capsys, "é ", "/save there.txt", "/save my text.txt", "/undo", "/save"
    )
    assert (tmp_path / "there.txt").read_text() == "mine"
    assert "there.txt is there already.\nAllowed: another name, or /save! there.txt" in told
    assert (tmp_path / "my text.txt").read_bytes() == "é ".encode()  # the second time, over it
    assert code == 2
    script(capsys, "two", "/save! there.txt")
    assert (tmp_path / "there.txt").read_text() == "two 7a."


def test_the_whole_text_is_changed_in_an_editor(capsys, monkeypatch, tmp_path):
    editor = tmp_path / "an editor.py"
    editor.write_text(
        "import sys, pathlib\npath = pathlib.Path(sys.argv[-1])\n"
        "text = path.read_text()\nassert text.endswith('\\n')\n"
        "path.write_text(text.replace('7', 'seven'))\nsys.exit(3 if 'fail' in text else 0)\n"
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", shlex.join([sys.executable, str(editor)]))
    session, *_ = script(capsys, "a", "/edit", "b")
    assert session.draft.text == "a sevena.b 8a."
    session, _, _, told = script(capsys, "fail", "/edit")
    assert session.draft.text == "fail 7a."
    assert "ended with status 3" in told
    monkeypatch.setenv("VISUAL", "no-such-editor --wait")
    _, _, _, told = script(capsys, "/edit")
    assert "'no-such-editor --wait' failed: No such file" in told


def test_help_names_every_command_and_how_the_model_writes(capsys):
    _, _, shown, told = script(capsys, "/help", "/new", "x", "/new", "/show", "/quit", "never")
    for name in ("/retry", "/undo", "/save! FILE", "/sampler SPEC...", "\\n is a line end"):
        assert name in told
    assert "Samplers: own. Up to 9 tokens. The next seed: 7." in told
    assert shown == "x 7a.\n\n--------\n\n"
    assert "training text has such pairs" in script(capsys, "/help", has_escapes=False)[3]


def test_an_error_while_the_model_writes_leaves_the_text_and_the_session(capsys):
    session, code, shown, told = script(capsys, "a", "b", run=FakeRun(breaks_at="a."))
    assert session.draft.text == "a 7b 8"
    assert shown == "a 7b 8\n"
    assert told == "Error: It broke.\n" * 2
    assert code == 1


def test_where_the_model_writes_nothing_the_reason_is_told(capsys):
    _, _, shown, told = script(capsys, "a", run=FakeRun(ends_with="end"))
    assert shown == "a\n"
    assert "wrote nothing. It takes this for the end of a text: write on, /retry or /new." in told
    assert "A stop text came at once" in script(capsys, "a", run=FakeRun(ends_with="stop"))[3]


def test_what_there_is_to_know_of_a_text_is_told_once(capsys):
    _, _, shown, told = script(capsys, "The Жук", "", "жж")
    assert told.count("Lowered.") == 1
    assert told.count("never seen these of the text") == 1
    assert shown.startswith("the жук 7a.")


# ---- a terminal ------------------------------------------------------------------------------


def test_a_terminal_shows_what_is_new_below_the_end_of_what_it_follows(capsys):
    session = session_of("the king ", "", "/retry", "/undo", "/new", text="once")
    session.run()
    shown = capsys.readouterr().out
    assert shown.splitlines() == [
        "once",
        " 7a.",
        "oncethe king  7a. 8a.",
        "(seed 9)",
        "oncethe king  7a. 9a.",
        "oncethe king  7a. 8a.",
        "once",
    ]


def test_of_a_long_line_a_terminal_shows_the_end_and_controls_are_made_harmless(capsys):
    session_of("", text="x" * 100 + "\x1b[2Jy").run()
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("...xxx")
    assert "\x1b" not in line


def test_ctrl_c_stops_the_model_or_clears_the_line_and_the_session_goes_on(capsys):
    run = FakeRun(breaks_at="a.", breaks_with=KeyboardInterrupt())
    session = session_of("the", KeyboardInterrupt(), "/undo", "/save", run=run)
    assert session.run() == 0
    assert session.draft.text == "the"
    assert " 7\n" in capsys.readouterr().out


def test_ctrl_c_ends_a_script(capsys):
    run = FakeRun(breaks_at="a.", breaks_with=KeyboardInterrupt())
    session, code, shown, _ = script(capsys, "the", "never", run=run)
    assert (code, shown, session.draft.text) == (130, "the 7\n", "the 7")


def test_whoever_leaves_with_a_text_that_is_not_saved_is_asked(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("mine")
    session = session_of("a", None, "there", "mine.txt")
    assert session.run() == 0
    assert session._lines.prompts == [PROMPT, PROMPT, "file: ", "file: "]
    assert (tmp_path / "mine.txt").read_text() == "a 7a."
    assert "is not saved" in capsys.readouterr().err
    for end in ("", None, KeyboardInterrupt()):
        session_of("a", "/quit", end).run()
        assert capsys.readouterr().err.count("is not saved") == 1
    session_of("a", "/save other.txt", "/quit").run()
    session_of("/quit", text="first").run()
    assert "is not saved" not in capsys.readouterr().err


def test_a_text_is_offered_to_be_saved_even_if_textgen_itself_fails(capsys, tmp_path):
    run = FakeRun(breaks_at="a.", breaks_with=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        session_of("text", str(tmp_path / "x"), run=run).run()
    assert (tmp_path / "x").read_text() == "text 7"


@pytest.mark.skipif(sys.platform == "win32", reason="it would end the test")
@pytest.mark.parametrize(("times", "shown"), [(1, " 7\n 8a.\n"), (2, "\n 8a.\n")])
def test_ctrl_c_comes_between_two_pieces_and_a_second_one_at_once(capsys, times, shown):
    session = session_of("the", "")
    show, left = session.show.piece, [times]

    def interrupt(piece, text):
        while left[0]:
            left[0] -= 1
            os.kill(os.getpid(), signal.SIGINT)
        show(piece, text)

    session.show.piece = interrupt
    session.run()
    assert session.draft.text == "the 7 8a."
    assert capsys.readouterr().out.replace("the 7", "") == shown
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(sys.platform == "win32", reason="it would end the test")
def test_ctrl_c_is_kept_from_what_cannot_be_interrupted():
    with interrupts_ignored():
        os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


class Unreadable:
    def readline(self, size):
        raise IsADirectoryError(21, "Is a directory")


# ---- the command -----------------------------------------------------------------------------


@pytest.fixture
def pipe(monkeypatch):
    """Return a function that lets bytes come through stdin."""

    def let(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return let


def test_lines_of_a_pipe_end_as_they_may_and_what_is_not_utf_8_is_warned_of(pipe, capsys):
    pipe("é\r\n \nlast".encode() + b"\xff")
    lines = TypedLines()
    assert [lines.read(PROMPT) for _ in range(4)] == ["é", " ", "last\ufffd", None]
    told = capsys.readouterr()
    assert "1 byte that is not UTF-8" in told.err
    assert told.out == ""


def test_a_script_that_cannot_be_read_ends_the_session_at_once(pipe, capsys, monkeypatch):
    monkeypatch.setattr("textgen_core.cli.typed_lines.longest_text", lambda: 5)
    pipe(b"word\n" + b"x" * 100)
    session = Session(session_of().draft, TypedLines(), has_escapes=True)
    with pytest.raises(UsageError, match="line of stdin is too long"):
        session.run()
    assert capsys.readouterr().out == "word 7a."
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Unreadable(), isatty=bool))
    with pytest.raises(UsageError, match="stdin cannot be read: Is a directory"):
        TypedLines().read(PROMPT)


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (["--samples", "2"], "--samples"),
        (["--sweep", "top-k:1,2"], "--sweep"),
        (["--trace", "t.json"], "--trace"),
        (["--json"], "--json"),
        (["--no-stream"], "--no-stream"),
        (["--prompt", "-"], "--prompt -"),
    ],
)
def test_options_that_it_has_no_use_for_are_refused(monkeypatch, capsys, option, named):
    result = run_here(monkeypatch, capsys, "generate", "--interactive", *option)
    assert result.returncode == 2
    assert f"--interactive and {named} do not go together.\nAllowed beside it:" in result.stderr


def test_a_turn_writes_what_generate_writes(monkeypatch, capsys, finished_run, pipe):
    short = [str(finished_run), "--max-new-tokens", "8", "--prompt"]
    plain = run_here(monkeypatch, capsys, "generate", *short, "the mill ").stdout
    pipe(b"mill \n/sampler top-k\n/sampler nucleus:7\n/bad\n")
    turn = run_here(monkeypatch, capsys, "generate", *short, "the ", "--interactive")
    assert turn.stdout == plain
    assert "Samplers: top-k. Up to 8 tokens. The next seed:" in turn.stderr
    assert "nucleus: p cannot be '7'" in turn.stderr
    assert "/bad is no command" in turn.stderr
    assert turn.returncode == 2
