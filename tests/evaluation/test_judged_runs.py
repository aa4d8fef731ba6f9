"""Runs of five kinds, through the command: what their verdict says, and that it is plain.

The text is of a language with five classes of words, one of each in a sentence. Counting n-grams
of words tells which word often followed another, a network which class comes next.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from cli.commands import run_lines

WORDS, CLASSES = 40, 5
COMMON = [
    *("--recipe", "first", "--tokenizer", "word", "--batch-size", "16"),
    *("--set", "data.sequence_length=16", "--set", "data.stride=16"),
    *("--set", "generation.samples=1", "--set", "generation.max_new_tokens=10"),
    *("--set", "training.compile=graph", "--set", "evaluation.prompts=8"),
    *("--learning-rate", "0.01", "--set", "training.patience=none"),
]
SMALL = "lstm:units=32,layers=1,embedding=16"
LARGE = "transformer:layers=1,heads=2,head_size=32,feed_forward=256,dropout=0.0"
RUNS = {
    "good": ["text.txt", "--model", SMALL, "--epochs", "16", "--set", "training.schedule=linear"],
    "undertrained": [
        *("text.txt", "--model", SMALL, "--epochs", "1", "--learning-rate", "0.001"),
    ],
    "overfitted": ["text.txt", "--model", LARGE, "--epochs", "9"],
    "looping": ["text.txt", "--model", SMALL, "--epochs", "5", "--sampler", "greedy"],
    "too little text": ["little.txt", "--model", SMALL, "--epochs", "8"],
}
BEGINNINGS = {
    "good": "A good run. It writes words",
    "undertrained": "Trained too briefly. It",
    "overfitted": "It memorized its text. It",
    "looping": "It goes round in circles. It repeats",
    "too little text": "Too little text",
}


def write_text(path: Path, sentences: int) -> None:
    draw = random.Random(1)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    classes = [
        ["".join(draw.choices(syllables, k=6)) for _ in range(WORDS)] for _ in range(CLASSES)
    ]
    lines = [" ".join(draw.choice(words) for words in classes) for _ in range(sentences)]
    path.write_text(".\n".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    write_text(folder / "text.txt", 1700)
    write_text(folder / "little.txt", 200)
    return folder


@pytest.fixture(scope="module")
def results(folder):
    lines = [
        ["run", *arguments[:1], *COMMON, *arguments[1:], "--out", name.replace(" ", "-")]
        for name, arguments in RUNS.items()
    ]
    return dict(
        zip(RUNS, run_lines(lines, folder, environment={"TEXTGEN_LANG": "en"}), strict=True)
    )


@pytest.mark.parametrize("name", RUNS)
def test_the_end_of_a_run_says_which_kind_it_is(name, results, folder):
    assert results[name].returncode == 0, results[name].stderr
    evaluation = json.loads((folder / name.replace(" ", "-") / "evaluation.json").read_text())
    assert evaluation["verdict"]["outcome"] == name
    end = " ".join(results[name].stdout[-1500:].split())
    assert BEGINNINGS[name] in end
    assert [each for each in BEGINNINGS.values() if each in end] == [BEGINNINGS[name]]
    assert "Explained in docs/course/troubles.md#" in end


def test_a_run_is_evaluated_and_reported_in_the_language_of_its_reader(results, folder):
    assert results["undertrained"].returncode == 0
    lines = [["evaluate", "undertrained"], ["report", "undertrained"]]
    evaluated, reported = run_lines(lines, folder, environment={"TEXTGEN_LANG": "es"})
    assert "Le faltó entrenamiento. " in evaluated.stdout
    assert "entrenamiento insuficiente: " in evaluated.stdout
    assert reported.returncode == 0
    page = (folder / "undertrained" / "report.html").read_text()
    assert "Le faltó entrenamiento. " in page
    assert "undertraining" not in page
