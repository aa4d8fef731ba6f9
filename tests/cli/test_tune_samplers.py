"""`textgen tune RUN`: samplers tuned on a trained run, through the real command."""

from __future__ import annotations

import json
import random
import tomllib
from pathlib import Path

import pytest
from cli.commands import TINY, Result, run_lines
from cli.in_process import refuse_tensorflow, run_here

HOT = ("--sampler", "temperature:t=0.5..1.5", "--trials", "3", "--seeds", "2")


def other_text(folder: Path) -> Path:
    """Write a text of some 6 KB, of the words of the run's, and return its path."""
    draw = random.Random(5)
    words = ["mill", "wheel", "turns", "water", "slow", "under", "stone", "bridge", "night"]
    lines = [" ".join(draw.choices(words, k=7)) for _ in range(150)]
    path = folder / "other.txt"
    path.write_text(".\n".join(lines) + ".\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def results(finished_run: Path) -> dict[str, Result]:
    """The commands on a run that no test may change, by name."""
    pytest.importorskip("optuna")
    folder = finished_run.parent
    on_other = ("tune", "finished", "--text", other_text(folder).name)
    lines = {
        "kept": (*on_other, *HOT, "--json", "--out", "tuned"),
        "again": (*on_other, *HOT, "--json"),
        "shown": (*on_other, "--sampler", "temperature:t=0.8,1.2", "--seeds", "1"),
        "trained": ("run", "text.txt", *TINY, "--config", "tuned/samplers.toml", "--out", "with"),
    }
    return dict(zip(lines, run_lines(lines.values(), folder), strict=True))


def test_every_command_ends_well(results: dict[str, Result]) -> None:
    failed = {name: each.stderr for name, each in results.items() if each.returncode}
    assert not failed


def test_the_same_command_tries_and_finds_the_same(results: dict[str, Result]) -> None:
    kept, again = (json.loads(results[name].stdout) for name in ("kept", "again"))
    for key in ("trials", "samplers", "checked", "difference", "is_tie", "prompts"):
        assert kept[key] == again[key]


def test_what_is_checked_is_told_with_its_distance_by_seed(results: dict[str, Result]) -> None:
    values = json.loads(results["kept"].stdout)
    tuned, own, plain, greedy = values["checked"]
    assert (own["samplers"], plain["samplers"]) == (["nucleus:p=0.9"], [])
    assert len(tuned["by_seed"]) == len(own["by_seed"]) == 2
    assert greedy["distance"] > values["real"]["distance"]
    assert len(tuned["texts"]) == len(values["prompts"]) == len(values["references"])
    assert all(len(text) <= len(values["references"][0]) for text in tuned["texts"])


def test_the_chain_is_kept_as_settings_that_a_run_is_trained_with(
    results: dict[str, Result], finished_run: Path
) -> None:
    folder = finished_run.parent
    kept = tomllib.loads((folder / "tuned" / "samplers.toml").read_text(encoding="utf-8"))
    values = json.loads(results["kept"].stdout)
    assert kept["samplers"] == values["samplers"]
    trained = tomllib.loads((folder / "with" / "run.toml").read_text(encoding="utf-8"))
    assert trained["samplers"] == kept["samplers"]
    everything = json.loads((folder / "tuned" / "samplers.json").read_text(encoding="utf-8"))
    assert everything["trials"] == values["trials"]


def test_a_person_sees_a_verdict_a_table_texts_and_the_command(results: dict[str, Result]) -> None:
    shown = results["shown"].stdout.split("\n")
    assert "real text" in shown[0]
    for name in ("tuned", "the run's own", "temperature 1", "greedy", "real text"):
        assert any(line.startswith(f"{name}  ") for line in shown)
    assert sum(line.startswith("--- ") for line in shown) == 3
    assert "To write with it: textgen generate finished --sampler" in shown[-2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "The held-out text is too short to choose samplers by: "),
        (("--text", "text.txt"), "text.txt is not held out: "),
        (("--text", "none.txt"), "none.txt"),
        (("--sampler", "nucleus:0.9"), "Nothing varies"),
        (("--sampler", "nucleus:p=0.9..1.7"), "p cannot be '1.7'"),
        (("--sampler", "nucleos:p=0.1..0.9"), "Did you mean 'nucleus'?"),
        (("--trials", "0"), "trials is 0."),
        (("--seeds", "0"), "seeds is 0."),
        (("--model", "lstm"), "--model: "),
        (("--method", "random"), "--method: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_told_in_three_lines_before_anything_is_written(
    arguments: tuple[str, ...],
    told: str,
    finished_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(finished_run.parent)
    refuse_tensorflow(monkeypatch)
    result = run_here(monkeypatch, capsys, "tune", "finished", *arguments)
    assert result.returncode
    error = result.stderr.removeprefix("  Reading the run's text.\n")
    assert told in error
    assert error.strip().count("\n") < 3
