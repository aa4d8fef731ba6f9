"""What a run keeps for its report: ratings by people, and scores of other texts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from cli.in_process import run_here
from report.fabricated_run import fabricate_run
from report.reading import Page

from textgen_core.errors import RunDirectoryError
from textgen_core.evaluation.evaluation import Evaluation
from textgen_core.evaluation.review import key_of, write_sheet
from textgen_core.pipeline.kept_results import keep_evaluation
from textgen_core.report import write_report
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.chdir(tmp_path)
    return fabricate_run(tmp_path / "runs", name="harbour")


def filled_sheet(path: Path, run: str, rating: str = "4") -> Path:
    """A sheet as its reader leaves it: every text rated the same."""
    prompts = ["One", "Two"]
    write_sheet(path, prompts, ["a", "b"], ["c", "d"], seed=1, run=run)
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *([*row[:3], rating, rating, "", ""] for row in rows)])
    return path


def scored(**changes: object) -> Evaluation:
    figures = {"tokens": 900, "bytes": 3000, "unknown_tokens": 0, "loss": 2.0, "perplexity": 7.4}
    values = {"split": "text", "bits_per_byte": 1.9, "metrics": {}, "baselines": {}}
    return Evaluation(**{**figures, **values, "diagnosis": (), **changes})  # type: ignore[arg-type]


def test_ratings_are_kept_in_the_run_whose_texts_were_rated(run, tmp_path, monkeypatch, capsys):
    for rating in ("2", "4"):  # of which the later ones count
        filled_sheet(tmp_path / "sheet.csv", run.name, rating)
        shown = run_here(monkeypatch, capsys, "evaluate", "--review", "sheet.csv")
        assert f"coherence  model {rating}.00 (1 rated)" in shown.stdout
    [kept] = read_json(run.ratings)["sheets"]
    assert kept["sheet"] == "sheet.csv"
    assert set(kept["ratings"]) == {"coherence", "grammar"}
    assert kept["ratings"]["grammar"]["model"] == {"mean": 4.0, "rated": 1}
    text = Page(write_report(run).read_text(encoding="utf-8")).text
    assert "sheet.csv Coherence 4.00 (1) 4.00 (1)" in text


def test_ratings_of_a_run_that_is_not_here_are_shown_and_not_kept(
    run, tmp_path, monkeypatch, capsys
):
    filled_sheet(tmp_path / "sheet.csv", run="../runs/harbour")
    shown = run_here(monkeypatch, capsys, "evaluate", "--review", "sheet.csv")
    assert "coherence" in shown.stdout
    assert "The ratings are not kept" in shown.stderr
    assert not run.ratings.exists()
    assert (
        run_here(monkeypatch, capsys, "evaluate", "harbour", "--review", "sheet.csv").stderr == ""
    )
    assert run.ratings.exists()


def test_a_key_of_an_older_version_names_no_run(run, tmp_path, monkeypatch, capsys):
    sheet = filled_sheet(tmp_path / "sheet.csv", run="harbour")
    with key_of(sheet).open(encoding="utf-8", newline="") as file:
        rows = [row[:2] for row in csv.reader(file)]
    with key_of(sheet).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    assert run_here(monkeypatch, capsys, "evaluate", "--review", "sheet.csv").returncode == 0
    assert not run.ratings.exists()


def test_scores_of_other_texts_are_kept_each_once_a_checkpoint_and_shown(run):
    own = run.evaluation.read_bytes()
    for text, step, bits in (("a.txt", 10, 1.5), ("b.txt", 10, 1.6), ("a.txt", 10, 1.25)):
        keep_evaluation(run, scored(bits_per_byte=bits), text, step)
    assert run.evaluation.read_bytes() == own
    kept = read_json(run.texts)["texts"]
    assert [(row["text"], row["bits_per_byte"]) for row in kept] == [
        ("b.txt", 1.6),
        ("a.txt", 1.25),
    ]
    text = Page(write_report(run).read_text(encoding="utf-8")).text
    assert "a.txt 1.250 7.4 900 10 – b.txt 1.600" in text
    keep_evaluation(run, scored(bits_per_byte=9.5), None, 10)
    assert read_json(run.evaluation)["bits_per_byte"] == 9.5


def test_what_cannot_be_added_to_is_left_as_it_is(run):
    run.texts.write_text('{"texts": [3]}', encoding="utf-8")
    with pytest.raises(RunDirectoryError, match="has no list of texts"):
        keep_evaluation(run, scored(), "a.txt", 10)
    assert run.texts.read_text(encoding="utf-8") == '{"texts": [3]}'
