"""Texts for a model as a person gives them: cleaned as its corpus was, with a word about it."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest
from cli.commands import run_lines

from textgen_core.cli.escapes import read_escapes, shell_text
from textgen_core.cli.options import text_or_stdin, warn_of_text


@pytest.fixture(scope="module")
def results(copied, corpus):
    def lower(run):
        text = (run / "run.toml").read_text()
        assert 'letter_case = "keep"' in text
        (run / "run.toml").write_text(text.replace('letter_case = "keep"', 'letter_case = "lower"'))

    run, folder = copied("lower", lower), corpus.parent
    (folder / "mill.txt").write_bytes(b"\xef\xbb\xbfThe MILL\r\n")
    short = ("--max-new-tokens", "3", "--json")
    lines = {
        "capitals": ["generate", run, "--prompt", "THE MILL ", *short],
        "small": ["generate", run, "--prompt", "the mill ", *short],
        "lines": ["generate", run, "--prompt", "mill\\nwheel", "--stop", "\\n", *short],
        "unknown": ["generate", run, "--prompt", "mill\u0301\u200b", *short],
        "score": ["score", run, "mill.txt", "--json"],
        "evaluate": ["evaluate", run, "--text", "mill.txt", "--json"],
        "explore": ["explore", run, "temperature", "MILL", "--json"],
        "word": ["explore", run, "neighbours", "M", "--json"],
    }
    return dict(zip(lines, run_lines(lines.values(), folder), strict=True))


def test_a_prompt_is_cleaned_as_the_corpus_was_and_a_note_says_so(results):
    capitals, small = (json.loads(results[name].stdout) for name in ("capitals", "small"))
    assert capitals["prompt"] == small["prompt"] == "the mill "
    assert capitals["samples"] == small["samples"]
    assert (
        "cleaned as the corpus was. Letter case: 7 letters lowered." in results["capitals"].stderr
    )
    assert "cleaned" not in results["small"].stderr


@pytest.mark.parametrize("name", ["score", "evaluate", "explore", "word"])
def test_so_is_every_other_text_that_meets_the_model(results, name):
    assert results[name].returncode == 0, results[name].stderr
    assert "lowered" in results[name].stderr
    assert "never seen" not in results[name].stderr
    if name in ("score", "evaluate"):
        assert "1 line end (CRLF or CR) folded" in results[name].stderr
        assert "byte order mark" in results[name].stderr


def test_what_cannot_be_seen_is_made_visible_in_a_warning(results):
    assert 'never seen these of the prompt: "U+0301" "U+200B"' in results["unknown"].stderr


def test_a_line_end_may_be_written_as_in_programs_where_the_text_has_no_such_pair(results):
    assert json.loads(results["lines"].stdout)["prompt"] == "mill\nwheel"
    assert "--prompt: read \\n as a line end. In this shell" in results["lines"].stderr
    assert "--stop: read \\n as a line end." in results["lines"].stderr


def test_where_the_text_has_such_pairs_they_stay_and_the_way_is_shown(capsys):
    assert read_escapes("a\\n", "--stop", in_text=True) == "a\\n"
    assert "--stop" in capsys.readouterr().err
    assert read_escapes("a b", "--stop", in_text=False) == "a b"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("shell", "written"),
    [("/bin/bash", "$'it\\'s\\na\\tb'"), ("/usr/bin/fish", "it\\'s\\na\\tb")],
)
def test_a_text_is_written_for_the_shell_in_use(monkeypatch, shell, written):
    monkeypatch.setenv("SHELL", shell)
    assert shell_text("it's\na\tb") == written


def test_bytes_of_stdin_that_are_not_utf_8_are_counted(monkeypatch, capsys):
    stdin = SimpleNamespace(buffer=io.BytesIO(b"caf\xe9 \xff!"), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert text_or_stdin("-") == "caf\ufffd \ufffd!"
    assert "stdin holds 2 bytes that are not UTF-8" in capsys.readouterr().err


def test_a_mark_is_shown_by_its_number_only_where_it_stands_alone(capsys):
    warn_of_text(["e\u0301", "\u0301", "\r", "\ufeff"], [], "text")
    assert '"e\u0301" "U+0301" "\\r" "U+FEFF"' in capsys.readouterr().err
