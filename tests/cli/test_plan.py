"""`textgen plan` and `run --model auto`: what they show, record and refuse."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from cli.commands import run_lines
from cli.in_process import refuse_tensorflow, run_here

import textgen_core
from textgen_core.pipeline.precision import precision_to_resume
from textgen_core.registry import discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.manifest import check_settings, load_configuration

BOOK = Path(textgen_core.__file__).parent / "corpus/course/en.txt"
BRIEF = ["--set", "generation.samples=1", "--set", "training.compile=graph"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "--minutes", "0"], "minutes cannot be '0'"),
        (["plan", "--minutes", "nan"], "minutes cannot be 'nan'"),
        (["plan", "--set", "training.epochs=3"], "A plan goes by the time"),
        (["plan", "--set", "training.counts=0"], "training.counts is 0"),
        (["plan", "nowhere.txt"], "There is no file nowhere.txt"),
        (["run", "--model", "auto", "--recipe", "first"], "cannot be used with the recipe first"),
        (["run", "--model", "auto", "--epochs", "2"], "--model auto goes by the time"),
        (["run", "--model", "auto", "--workers", "2"], "Several workers cannot train --model auto"),
    ],
)
def test_what_cannot_be_forecast_is_refused_at_once(arguments, said, tmp_path, monkeypatch, capsys):
    refuse_tensorflow(monkeypatch)
    monkeypatch.chdir(tmp_path)
    done = run_here(monkeypatch, capsys, *arguments)
    assert done.returncode in (2, 3)
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Return a folder, and what plans and a run with `--model auto` in it gave."""
    folder = tmp_path_factory.mktemp("planned")
    text = BOOK.read_text(encoding="utf-8")[:20_000]
    (folder / "book.txt").write_text(text, encoding="utf-8")
    lines = [
        ["plan", "book.txt", "--minutes", "0.2", "--json"],
        ["plan", "book.txt"],
        ["run", "book.txt", "--model", "auto", "--minutes", "0.2", "--out", "chosen", *BRIEF],
    ]
    return folder, run_lines(lines, folder)


def test_a_plan_measures_what_a_run_finds(planned):
    folder, (as_json, _, run) = planned
    assert as_json.returncode == run.returncode == 0, as_json.stderr + run.stderr
    plan = json.loads(as_json.stdout)
    evaluation = json.loads((folder / "chosen/evaluation.json").read_text(encoding="utf-8"))
    manifest = json.loads((folder / "chosen/manifest.json").read_text(encoding="utf-8"))
    text = plan["text"]
    assert text["counts"] == pytest.approx(evaluation["parts"]["counts"]["bits_per_byte"], abs=1e-3)
    assert text["xz"] == pytest.approx(evaluation["baselines"]["xz"]["bits_per_byte"])
    assert text["uniform"] == pytest.approx(evaluation["baselines"]["uniform"]["bits_per_byte"])
    assert text["held_out_bytes"] == evaluation["bytes"]
    (recommended,) = plan["recommended"]
    (size,) = [each for each in plan["sizes"] if each["size"] == recommended["size"]]
    assert size["parameters"] == manifest["model"]["parameters"]
    assert all(each["minutes"] == 0.2 for each in plan["forecasts"])


def test_a_plan_shows_times_side_by_side_and_a_command_for_each(planned):
    _, (_, shown, _) = planned
    assert shown.returncode == 0, shown.stderr
    assert all(time in shown.stdout for time in ("1 min", "3 min", "10 min", "30 min"))
    assert shown.stdout.count("textgen run book.txt") == 4
    assert shown.stdout.count("bits per byte (") == 4


def test_a_run_records_the_model_that_auto_chose_and_resumes_with_it(planned):
    folder, (as_json, _, run) = planned
    chosen = json.loads(as_json.stdout)["recommended"][0]["model"]
    assert f"({chosen})" in run.stdout
    settings = tomllib.loads((folder / "chosen/run.toml").read_text(encoding="utf-8"))
    assert settings["model"]["name"] == "transformer"
    for option in filter(None, chosen.partition(":")[2].split(",")):
        name, _, value = option.partition("=")
        assert settings["model"][name] == int(value)
    directory = RunDirectory(folder / "chosen")
    configuration, _ = load_configuration(directory, discover())
    precision = precision_to_resume(directory, configuration)
    check_settings(directory, configuration, precision)  # what resuming holds it against
