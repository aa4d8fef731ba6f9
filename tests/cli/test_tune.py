"""`textgen tune`: mistakes at once, and a study of quick fakes through the real command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_search
import pytest
from cli.in_process import refuse_tensorflow, run_here

from textgen_core.cli.tune import read_time
from textgen_core.errors import UsageError
from textgen_core.pipeline.search.study import Study

SPACE = ("--model", "lstm:layers=1..3", "--set", "training.learning_rate=0.001..0.02")


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A text in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("a b c d e f\n" * 100)
    return "text.txt"


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials that take no time, and no TensorFlow."""
    fake_search.install_fakes(monkeypatch.setitem)
    monkeypatch.setattr(fake_search, "TRIAL_SECONDS", 0)
    monkeypatch.setattr("textgen_core.cli.startup.import_tensorflow", lambda: None)


@pytest.mark.parametrize(
    ("content", "told"), [("", "is empty"), ("hi\n", "leaves nothing for validation")]
)
def test_a_text_that_no_trial_can_be_trained_on_leaves_no_study(
    content: str,
    told: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("textgen_core.cli.startup.import_tensorflow", lambda: None)
    Path(text).write_text(content)
    result = run_here(monkeypatch, capsys, "tune", text, "--trials", "3", "--out", "study")
    assert result.returncode == 3 and told in result.stderr
    assert [each.name for each in Path().iterdir()] == [text]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "how long to search"),
        (["--for", "60"], "a time with its unit"),
        (["--for", "0m"], "--for is 0"),
        (["--for", "1m", "--minutes", "0"], "--minutes is 0"),
        (["--trials", "0", "--seeds", "0"], "--seeds is 0"),
        (["--trials", "3", "--model", "lstm:units=0..8"], "at least 1"),
        (["--trials", "3", "--set", "corpus.split=100,0,0"], "held out"),
        (["--trials", "3", "--try", "metric"], "--try cannot be 'metric'"),
        (["--trials", "3", "--sampler", "nucleus:p=0..2"], "nucleus"),
        (["--out", "nowhere"], "There is no study in nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_told_before_anything_is_trained(
    arguments: list[str],
    told: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    refuse_tensorflow(monkeypatch)
    named = [] if "--out" in arguments else [text]
    result = run_here(monkeypatch, capsys, "tune", *named, *arguments)
    assert result.returncode == 2 and told in result.stderr
    assert len(result.stderr.splitlines()) <= 6 and "Traceback" not in result.stderr
    assert [each.name for each in Path().iterdir()] == [text]


def test_what_only_texts_need_is_refused_beside_a_run(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("runs/old").mkdir(parents=True)
    Path("runs/old/run.toml").write_text("")
    for arguments in (["--minutes", "3"], ["--try", "model"]):
        result = run_here(monkeypatch, capsys, "tune", "old", *arguments)
        assert result.returncode == 2 and "Allowed with a run: " in result.stderr


@pytest.mark.parametrize(
    ("told", "seconds"), [("60m", 3600), ("90s", 90), ("1h30m", 5400), ("1.5h", 5400)]
)
def test_times_have_units(told: str, seconds: float) -> None:
    assert read_time(told) == seconds
    for wrong in ("60", "m", "60x", "1h 30", ""):
        with pytest.raises(UsageError):
            read_time(wrong)


@pytest.mark.usefixtures("fakes")
def test_a_line_a_trial_then_the_verdict_the_finalists_and_the_command(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = ("--set", "training.epochs=9")
    asked = [text, *SPACE, *clock, "--trials", "9", "--out", "study"]
    result = run_here(monkeypatch, capsys, "tune", *asked)
    assert result.returncode == 0, result.stderr
    lines = result.stderr.splitlines()
    head = next(place for place, line in enumerate(lines) if line.startswith("trial "))
    numbers = [int(line.split()[0]) for line in lines[head + 1 :] if line[:5].strip().isdigit()]
    trials = len(list(Path("study/trials").iterdir()))
    assert numbers == list(range(1, trials + 1))
    assert "the recipe as it is" in lines[head + 1] and "9 epochs" in lines[head + 1]
    told = result.stdout
    assert "the recipe" in told and "On the test text, which was read once" in told
    assert "the recipe as it is: lstm, layers 1; bpe" in result.stderr
    assert Path("study/winner.toml").is_file() and "what mattered" in told
    assert "textgen generate study/trials/" in told  # of the recipe, which wins here
    again = run_here(monkeypatch, capsys, "tune", "--out", "study", "--json")
    found = json.loads(again.stdout)
    assert found["verdict"]["test_bits_per_byte"] == 2.5 and len(found["trials"]) == trials
    assert sum(found["importances"].values()) == pytest.approx(1)


@pytest.mark.usefixtures("fakes")
def test_a_study_is_named_among_the_runs(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [text, *SPACE, "--set", "training.epochs=1", "--trials", "1", "--seeds", "1"]
    assert run_here(monkeypatch, capsys, "tune", *asked, "--quiet").returncode == 0
    [study] = Path("runs").iterdir()
    shown = run_here(monkeypatch, capsys, "runs")
    assert f"{study.name} (a study of tune)" in shown.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_real_study_survives_the_process_that_trains(text: str) -> None:
    settings = ("training.steps=30", "training.batch_size=8", "data.sequence_length=16")
    asked = [text, "--model", "lstm:units=8..16,layers=1", "--method", "random", "--trials", "1"]
    asked += ["--seeds", "1", "--out", "study", *(f"--set={each}" for each in settings)]
    command = [sys.executable, "-m", "textgen_core", "tune", *asked]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        while it.poll() is None and not Path("study/trials").exists():
            time.sleep(0.02)
        children = Path(f"/proc/{it.pid}/task/{it.pid}/children")
        [process] = map(int, children.read_text().split())
        os.kill(process, signal.SIGKILL)
        stdout, stderr = it.communicate()
    assert it.returncode == 0, stderr
    assert "trial 1 was ended by SIGKILL: it begins again" in stderr
    assert "Traceback" not in stderr and "tensorflow" not in stderr.lower()
    assert [each.state for each in Study(Path("study")).journal.entries()] == ["finished"] * 2
    assert "On the test text, which was read once" in stdout
