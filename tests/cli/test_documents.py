"""A corpus of many short texts: each is learned, and written, from its start to its end."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from cli.commands import run_lines

SAMPLES = 200
LETTERS = "MJAKSLECDTRBNH"


def draw_names(count: int) -> list[str]:
    """Names of syllables, whose first letters are anything but equally frequent."""
    draw = random.Random(5)
    weights = [1 / (place + 1) ** 0.8 for place in range(len(LETTERS))]
    endings = ["", "n", "a", "s", "lyn", "ette", "son", "el"]
    names = []
    for _ in range(count):
        name = draw.choices(LETTERS, weights)[0]
        for _ in range(draw.choice([1, 1, 2, 2, 3])):
            name += draw.choice(["a", "e", "i", "o", "an", "ia", "en", "ar", "or", "il", "is"])
            name += draw.choice(["r", "n", "l", "t", "m", "s", "d", "k", "v", "th", "sh", "b"])
        names.append(name + draw.choice("aeio") + draw.choice(endings))
    return names


def first_letters(texts: list[str]) -> dict[str, float]:
    counts = Counter(text.strip()[:1] for text in texts)
    return {letter: count / len(texts) for letter, count in counts.items()}


def distance(one: dict[str, float], other: dict[str, float]) -> float:
    """The total variation between two distributions."""
    return sum(abs(one.get(key, 0) - other.get(key, 0)) for key in {*one, *other}) / 2


WAYS = {
    "lines": ["names.txt", "--set", "corpus.documents=record", "--model", "lstm:units=128"],
    "files": ["folder", "--recipe", "first"],
    "rows": ["names.csv", "--set", "corpus.column=name", "--recipe", "first"],
}
EPOCHS = {"lines": 10, "files": 25, "rows": 6}


@pytest.fixture(scope="module")
def names() -> list[str]:
    return draw_names(8000)


@pytest.fixture(scope="module")
def written(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What a run on the names, in each of the three forms, writes without any prompt."""
    folder: Path = tmp_path_factory.mktemp("names")
    (folder / "names.txt").write_text("".join(f"{name}\n" for name in names))
    (folder / "folder").mkdir()
    for place, name in enumerate(names[:1500]):
        (folder / "folder" / f"{place:05}.txt").write_text(f"{name}\n")
    with (folder / "names.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "name"], *enumerate(names)])
    common = ["--set", "corpus.split_by=documents", "--set", "evaluation.prompts=2"]
    lines = []
    for way, arguments in WAYS.items():
        rate = [] if way == "lines" else ["--learning-rate", "0.006"]
        epochs = ["--epochs", str(EPOCHS[way])]
        lines.append(["run", *arguments, *common, *rate, *epochs, "--out", way])
        lines.append(["generate", way, "--samples", str(SAMPLES), "--json"])
    results = run_lines(lines, folder)
    assert all(result.returncode == 0 for result in results), [each.stderr for each in results]
    return {way: json.loads(each.stdout) for way, each in zip(WAYS, results[1::2], strict=True)}


@pytest.mark.parametrize("way", WAYS)
def test_every_sample_of_a_corpus_of_names_is_a_name(names, written, way):
    assert written[way]["prompt"] == ""
    samples = written[way]["samples"]
    texts = [each["text"] for each in samples]
    assert sum(not text.strip() for text in texts) <= SAMPLES * 0.02
    assert all(each["token_ids"][-1] == 3 for each in samples)  # <END>
    assert sum(len(text.splitlines()) == 1 for text in texts) >= SAMPLES * 0.95
    assert distance(first_letters(texts), first_letters(names)) < 0.2


def test_a_record_has_no_line_end_of_its_own(written):
    for way, ending in (("lines", ""), ("rows", ""), ("files", "\n")):
        texts = [each["text"] for each in written[way]["samples"] if each["text"]]  # few are empty
        assert sum(text.endswith("\n") for text in texts) == (len(texts) if ending else 0), way
