"""`textgen runs`: the list with all that may lie there, one run, removal, packing; and Python."""

from __future__ import annotations

import io
import json
import shutil
import sys

import pytest
from cli.commands import run_lines
from cli.in_process import run_here
from runs.fabricated import fabricate, held_by

import textgen_core as textgen
from textgen_core.runs.files import hash_text

HOSTILE = "evil\x1b[2J\x1b]0;title\x07\u202ename\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.txt").write_text("abc")
    fabricate(tmp_path / "runs" / "done", corpus=tmp_path / "book.txt")
    fabricate(tmp_path / "runs" / "stopped", last_step=50, bits=None)
    fabricate(tmp_path / "runs" / "begun", steps=(), bits=None)
    held_by(fabricate(tmp_path / "runs" / "going", last_step=50, bits=None))
    fabricate(tmp_path / "runs" / HOSTILE)
    half = tmp_path / "runs" / "half"
    half.mkdir()
    (half / "run.toml").write_text("[training")
    (half / "manifest.json").write_text("[[[[")
    (half / "checkpoints").write_text("a file")
    (tmp_path / "runs" / "photos").mkdir()
    (tmp_path / "runs" / "letter.txt").write_text("x")
    (tmp_path / "runs" / "gone").symlink_to("/nowhere")
    return tmp_path


@pytest.fixture
def command(monkeypatch, capsys):
    return lambda *arguments: run_here(monkeypatch, capsys, *arguments)


def test_the_list_says_what_each_run_is_and_what_is_none(here, command):
    done = command("runs")
    assert done.returncode == 0
    states = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert states["done"].endswith("finished")
    assert "2.500" in states["done"]
    assert states["stopped"].endswith("interrupted")
    assert states["begun"].endswith("interrupted")
    assert states["going"].endswith("running")
    assert states["half"].endswith("damaged")
    assert "gone (a link to nowhere), letter.txt (a file), photos (no run.toml)" in done.stderr


def test_no_name_acts_on_the_terminal(here, command):
    for arguments in (("runs",), ("runs", "show", f"runs/{HOSTILE}"), ("runs", "show", "--json")):
        done = command(*arguments)
        assert done.returncode == 0
        assert not set("\x1b\x07\u202e") & set(done.stdout + done.stderr)
    assert sum("evil" in line for line in command("runs").stdout.splitlines()) == 1


def test_the_json_is_what_python_has(here, command):
    listed = json.loads(command("runs", "list", "--json").stdout)
    assert [row["name"] for row in listed["runs"]] == [each.name for each in textgen.runs()]
    assert {row["name"]: row["state"] for row in listed["runs"]}["stopped"] == "interrupted"
    assert len(listed["others"]) == 3
    shown = json.loads(command("runs", "show", "done", "--json").stdout)
    assert shown.pop("version") == 1
    python = textgen.runs.show("done")
    assert {**shown, "age_seconds": 0} == {**python, "age_seconds": 0}
    assert shown["corpus"][0]["sha256"] == hash_text("abc")


def test_runs_are_found_by_their_text_wherever_it_lies_and_by_its_name(here, command):
    shutil.copy(here / "book.txt", here / "renamed.txt")
    for corpus in ("renamed.txt", "BOOK", "."):
        assert command("runs", "--corpus", corpus).stdout.splitlines()[1].startswith("done")
    (here / "book.txt").write_text("another text of that name")
    assert "\ndone " in command("runs", "--corpus", "book.txt").stdout
    assert "There is no run" in command("runs", "--corpus", "poems").stdout
    assert [each.name for each in textgen.runs(corpus=here / "renamed.txt")] == ["done"]


def test_an_empty_or_missing_folder_of_runs_is_said(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    assert command("runs").stdout == "There is no run under runs/ here.\n"
    (tmp_path / "runs").write_text("a file")
    done = command("runs")
    assert "Not runs, under runs/: runs (Not a directory)" in done.stderr


def test_hundreds_of_runs_are_listed(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    for number in range(300):
        folder = tmp_path / "runs" / f"run-{number:03d}"
        folder.mkdir(parents=True)
        (folder / "run.toml").write_text('[training]\nminutes = 1\n[model]\nname = "lstm"\n')
    assert len(command("runs").stdout.splitlines()) == 302


# ---- removing ---------------------------------------------------------------------------------


def test_nothing_is_removed_without_a_yes(here, command, monkeypatch):
    assert command("runs", "remove", "done").returncode == 2
    monkeypatch.setattr(sys, "stdin", Terminal("no\n"))
    assert command("runs", "remove", "done").returncode == 130
    assert (here / "runs" / "done" / "manifest.json").exists()
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    done = command("runs", "remove", "done", "stopped")
    assert done.returncode == 0
    assert "Remove 2 runs" in done.stderr
    assert not (here / "runs" / "done").exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_one_wrong_name_among_several_removes_none(here, command):
    assert command("runs", "remove", "done", "nonsense", "--yes").returncode == 4
    assert (here / "runs" / "done" / "manifest.json").exists()


def test_checkpoints_are_removed_alone(here, command):
    assert command("runs", "remove", "done", "--checkpoints", "-y").returncode == 0
    assert "no weights" in command("runs").stdout
    assert textgen.runs.remove("stopped").bytes > 10_000


# ---- packing ----------------------------------------------------------------------------------


def test_a_packed_run_is_unpacked_by_the_command_and_cannot_be_resumed(here, command):
    done = command("runs", "pack", "done")
    assert done.stdout == "done.run.zip\n"
    assert "pass it on only if you may" in done.stderr
    assert command("runs", "unpack", "done.run.zip").returncode == 4  # the run is here
    done = command("runs", "unpack", "done.run.zip", "--out", "other/place")
    assert done.stdout == "other/place\n"
    refused = command("resume", "other/place")
    assert refused.returncode == 4
    assert "without the state of its optimizer" in refused.stderr
    assert "textgen run CORPUS --from other/place" in refused.stderr
    assert textgen.runs.unpack(textgen.runs.pack("done", "x.run.zip"), "third").name == "third"


def test_what_is_no_packed_run_is_refused_in_three_lines(here, command):
    for name in ("book.txt", "runs", "missing.run.zip"):
        done = command("runs", "unpack", name)
        assert done.returncode == 4
        assert len(done.stderr.splitlines()) <= 3


def test_an_unpacked_run_writes_scores_and_reports_as_the_packed_one(finished_run, tmp_path):
    there, text = tmp_path / "there", finished_run.parent / "text.txt"
    here = tmp_path / "here"
    for folder in (here, there):
        folder.mkdir()
    shutil.copytree(finished_run, here / "runs" / "finished")
    shutil.copy(text, there / "text.txt")
    shutil.copy(text, here / "text.txt")
    lines = [
        ["generate", "runs/finished", "--prompt", "mill", "--samples", "2"],
        ["score", "runs/finished", "text.txt", "--json"],
        ["explore", "runs/finished", "neighbours", "m", "--json"],
        ["export", "runs/finished", "--to", "litert", "--out", "exported"],
        ["evaluate", "runs/finished", "--corpus", "text.txt", "--json"],
        ["report", "runs/finished"],
    ]
    packing = ["runs", "pack", "runs/finished", "--out", "mine.run.zip"]
    before = run_lines([*lines, packing], here)
    shutil.move(here / "mine.run.zip", there / "mine.run.zip")
    shutil.rmtree(here / "runs")
    after = run_lines([["runs", "unpack", "mine.run.zip"], *lines], there)[1:]
    assert [each.returncode for each in (*before, *after)] == [0] * 13, before + after
    for line, one, other in zip(lines, before, after, strict=False):
        assert without_times(one.stdout) == without_times(other.stdout), line
    assert (there / "runs" / "finished" / "report.html").stat().st_size > 50_000
    model = "model_batch1_float32.tflite"
    assert {path.name for path in (here / "exported").iterdir()} == {
        path.name for path in (there / "exported").iterdir()
    }, model


def without_times(text):
    return [line for line in text.splitlines() if "second" not in line]


# ---- commands that are not there --------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["comparison"], ""),
        (["trian"], " Did you mean textgen run?"),
        (["servr"], " Did you mean textgen serve?"),
        (["rm", "x"], " Did you mean textgen runs remove?"),
        (["finetune"], " Did you mean textgen run CORPUS --from RUN?"),
    ],
)
def test_a_command_that_is_not_there_is_said_with_those_that_are(words, meant, command):
    done = command(*words)
    first, allowed, see = done.stderr.splitlines()
    assert first == f"Error: There is no command textgen {words[0]}.{meant}"
    assert allowed.startswith("Allowed: run, resume, generate")
    assert see == "See: textgen --help"
