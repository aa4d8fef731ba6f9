"""Paths as people write them, and as commands that are printed show them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.in_process import run_here

from textgen_core.config.sources import read_toml
from textgen_core.errors import ConfigurationError
from textgen_core.formatting import expand_home, shell_word
from textgen_core.runs.cache import CACHE_VARIABLE, cache_directory
from textgen_core.runs.directory import RunDirectory, find_run

NAMES = ["plain", "my novel's run", "$(id)", "`id`", 'a"b', "-x", "~", "~root", "é*?", "a;b&c|d"]
UGLY = ["a\x1b[31m", "two\nlines", "\udcff", "a\u202eb\\'c"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="the quoting is that of a POSIX shell")
def test_a_path_in_a_printed_command_is_what_a_shell_takes_for_that_path():
    words = " ".join(shell_word(each) for each in [*NAMES, *UGLY])
    assert words.isprintable()
    shown = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {words}"], capture_output=True, check=True
    ).stdout
    found = [os.path.normpath(each) for each in os.fsdecode(shown).split("\0")[:-1]]
    assert found == [os.path.normpath(each) for each in [*NAMES, *UGLY]]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with a text and settings, and another current folder."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
    (home / "text.txt").write_text("the wheel turns by the water\n" * 50)
    (home / "settings.toml").write_text('[corpus]\nfiles = ["~/text.txt"]\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(elsewhere)
    return home


def test_a_tilde_that_no_shell_has_seen_is_the_home_folder(home, monkeypatch, capsys):
    taken = home / "taken"
    (taken / "runs").mkdir(parents=True)
    lines = {
        ("run", "--dry-run", "-q", "--config=~/settings.toml"): "1,450 characters",
        ("run", "--dry-run", "--recipe=~/settings.toml"): "No model is chosen.",
        ("analyze", "~/text.txt", "--reference=~/text.txt"): "1,450 characters",
        ("run", "--dry-run", "--out=~/taken"): f"{taken} already exists",
        ("run", "--dry-run", "--validation=~/no.txt", "~/text.txt"): f"{home / 'no.txt'}",
        ("generate", "--trace=~/taken"): f"The trace cannot be written to {taken}",
        ("explore", "attention", "a", "--out=~/no/a.svg"): f"there is no folder {home / 'no'}",
    }
    for arguments, expected in lines.items():
        done = run_here(monkeypatch, capsys, *arguments)
        assert expected in done.stdout + done.stderr, arguments
    run = home / "finished"
    run.mkdir()
    (run / "run.toml").write_text("")
    assert find_run("~/finished") == RunDirectory(run)
    monkeypatch.setenv(CACHE_VARIABLE, "~/cache")
    assert cache_directory() == home / "cache"
    assert not Path("~").exists()


def test_a_home_that_is_unknown_leaves_the_path_as_it_is():
    assert expand_home("~nobody-of-that-name/x") == Path("~nobody-of-that-name/x")


def test_a_toml_file_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "run.toml"
    path.write_bytes(b"\xef\xbb\xbfseed = 3\n")
    assert read_toml(path) == {"seed": 3}
    path.write_bytes("\ufeffseed = 3\n".encode("utf-16-le"))
    with pytest.raises(ConfigurationError, match=r"not UTF-8 from its byte 0 on(.|\n)*save it as"):
        read_toml(path)


@pytest.mark.skipif(sys.platform == "win32", reason="PowerShell and cmd quote in other ways")
def test_a_command_that_is_printed_can_be_pasted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my novel's run"
    folder.mkdir()
    (folder / "run.toml").write_text("")
    done = run_here(monkeypatch, capsys, "run", "--out", "my novel's run")
    assert done.returncode == 4
    assert "textgen resume 'my novel'\"'\"'s run'" in done.stderr
