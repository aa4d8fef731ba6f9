"""`textgen compare`: mistakes at once, and runs, recipes and texts through the real command."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from cli.commands import TINY, Result, run_lines
from cli.in_process import refuse_tensorflow, run_here

import textgen_core as textgen
from textgen_core.errors import UsageError
from textgen_core.pipeline.entries import find_entries

SECTIONS = """
tokenizer = "character"
[model]
name = "lstm"
units = 24
layers = 1
embedding = 8
[data]
sequence_length = 16
stride = 16
[training]
epochs = 1
batch_size = 8
compile = "graph"
[generation]
max_new_tokens = 8
samples = 1
[evaluation]
prompts = 2
continuation_tokens = 4
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fast"], "2 to 20 runs or recipes"),
        (["fast", "fast"], "fast was named twice"),
        (["fast", "fst"], "fst is neither a run nor a recipe"),
        (["fast", "no.toml"], "no.toml"),
        (["fast", "first", "--minutes", "0"], "minutes"),
        (["fast", "first", "--seeds", "0"], "seeds"),
        (["fast", "first", "--out", "no/such/folder.html"], "no folder"),
        (["fast", "first", "--sampler", "nucleus:p=2"], "nucleus"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_told_before_anything_is_trained(
    arguments: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    refuse_tensorflow(monkeypatch)
    done = run_here(monkeypatch, capsys, "compare", *arguments)
    assert done.returncode in (2, 4)
    assert told in done.stderr
    assert len(done.stderr.rstrip().split("\n")) <= 3
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_both_is_the_run_unless_something_is_to_be_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("first", "fast"):
        (tmp_path / "runs" / name / "checkpoints" / "step-00000001").mkdir(parents=True)
        (tmp_path / "runs" / name / "run.toml").touch()
    runs = find_entries(["first", "fast"], trains=False)
    assert [str(each.path) for each in runs] == ["runs/first", "runs/fast"]
    assert find_entries(["first", "fast"], trains=True) == ["first", "fast"]
    assert find_entries(["runs/first", "fast"], trains=True)[1] == "fast"


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Result]]:
    """Two runs, a recipe that is trained beside one of them, and texts of several kinds."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "wide.toml").write_text(SECTIONS)
    text = "".join(
        f"{math.isqrt(number * 7919)} {number} {number**3 % 977}\n" for number in range(9000)
    )
    (folder / "numbers.txt").write_text(text[:40_000])
    (folder / "known.txt").write_text(text[:8000])
    (folder / "new.txt").write_text(text[-20_000:])
    train = ["run", "numbers.txt", *TINY, "--quiet", "--seed"]
    lines = [
        [*train, "1", "--out", "runs/one"],
        [*train, "2", "--out", "runs/two"],
        [
            *("compare", "wide.toml", "one", "--corpus", "numbers.txt", "--seeds", "1"),
            *("--json", "--out", "recipes.html", "--prompt", "1 <b>2</b>"),
        ],
        ["compare", "one", "two", "--out", "page.html"],
        ["compare", "one", "two", "20", "--text", "new.txt", "--json"],  # the recipe's run
        ["compare", "one", "20", "--text", "known.txt"],
        ["compare", "one", "20", "--seeds", "2"],
    ]
    return folder, run_lines(lines, folder)


def test_a_recipe_is_trained_and_all_are_scored_as_evaluate_does(
    compared: tuple[Path, list[Result]],
) -> None:
    folder, results = compared
    assert results[2].returncode == 0, results[2].stderr
    found = json.loads(results[2].stdout)
    assert [each["name"] for each in found["entries"]] == ["wide", "one"]
    assert found["seed_spread"]["is_typical"]
    for entry in found["entries"]:
        for run, score in zip(entry["runs"], entry["bits_per_byte_by_run"], strict=True):
            evaluation = json.loads((folder / run["path"] / "evaluation.json").read_text())
            assert evaluation["split"] == "test"
            assert score == pytest.approx(evaluation["bits_per_byte"], rel=1e-4)
            assert run["parameters"] > 0 and run["size_bytes"] > 0 and run["writing_speed"] > 0
            assert len(run["texts"]) == len(found["prompts"])


def test_the_page_has_the_prompt_as_text_and_loads_nothing(
    compared: tuple[Path, list[Result]],
) -> None:
    page = (compared[0] / "recipes.html").read_text()
    assert "1 &lt;b&gt;2&lt;/b&gt;" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_two_seeds_of_one_recipe_tie(compared: tuple[Path, list[Result]]) -> None:
    folder, results = compared
    assert results[3].returncode == 0, results[3].stderr
    first, *_ = results[3].stdout.split("\n")
    assert " tie: they are 0.0" in first
    assert "on the test text of all runs" in (folder / "page.html").read_text()


def test_runs_that_differ_in_their_seed_alone_are_one_entry(
    compared: tuple[Path, list[Result]],
) -> None:
    folder, results = compared
    found = json.loads(results[4].stdout)
    assert [len(each["runs"]) for each in found["entries"]] == [2, 1]
    assert found["text"]["name"] == "new.txt"
    assert Path(folder / found["page"]).is_file()


def test_a_text_that_was_trained_on_and_seeds_of_runs_are_refused(
    compared: tuple[Path, list[Result]],
) -> None:
    known, useless = compared[1][5:7]
    assert (known.returncode, useless.returncode) == (3, 2)
    assert "known.txt is not held out: 100% of it" in known.stderr
    assert "--seeds: all that is compared is trained already" in useless.stderr


def test_python_compares_as_the_command_does(monkeypatch: pytest.MonkeyPatch) -> None:
    carried_out = []
    monkeypatch.setattr(
        "textgen_core.pipeline.comparing.carry_out",
        lambda request, **given: carried_out.append((request, given)),
    )
    textgen.compare(["fast", "first"], minutes=2, seeds=4, sampler="nucleus:0.9", prompt="a")
    ((request, given),) = carried_out
    assert list(request.named) == ["fast", "first"]
    assert {each.training.minutes for each in request.configurations.values()} == {2}
    assert (request.seeds, request.samplers[0].name) == (4, "nucleus")
    assert given == {"text": None, "prompt": "a", "callback": None}
    with pytest.raises(UsageError, match="fast was named twice"):
        textgen.compare(["fast", "fast"])
