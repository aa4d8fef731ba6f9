"""A sheet of texts to rate by hand, and the ratings of one that was filled in.

Half of the texts are the model's and half really followed their prompts, in an order and under
numbers that do not tell which: a second file, the key, does.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.errors import UsageError

QUESTIONS = ("coherence", "grammar", "context")
COLUMNS = ("sample", "prompt", "text", *QUESTIONS, "notes")
MODEL, HELD_OUT = "model", "held-out text"
PROMPTS = 20  # texts on a sheet, about what one can rate in an hour

_LOW, _HIGH = 1, 5


@attrs.frozen(kw_only=True)
class Rating:
    """The mean rating of a question, 1 to 5, and how many texts were rated."""

    mean: float
    rated: int


def key_of(sheet: Path) -> Path:
    """Return where the key of a sheet lies: `review.key.csv` beside `review.csv`."""
    return sheet.with_name(f"{sheet.stem}.key.csv")


def write_sheet(
    sheet: Path,
    prompts: Sequence[str],
    samples: Sequence[str],
    references: Sequence[str],
    seed: int,
    run: str = "",
) -> int:
    """Write a sheet and its key, and return how many texts there are to rate.

    Of each prompt one text is taken, by the seed the model's or the one that really followed. The
    key names the run too.
    Raises UsageError if the files cannot be written.
    """
    draw = random.Random(seed)
    sources = [MODEL if number % 2 == 0 else HELD_OUT for number in range(len(prompts))]
    draw.shuffle(sources)
    order = list(range(len(prompts)))
    draw.shuffle(order)
    texts = {MODEL: samples, HELD_OUT: references}
    numbered = list(enumerate(order, start=1))
    blank = [""] * (len(QUESTIONS) + 1)
    rows = [[number, prompts[at], texts[sources[at]][at], *blank] for number, at in numbered]
    key = [[number, sources[at], run] for number, at in numbered]
    _write(key_of(sheet), [("sample", "source", "run"), *key])
    _write(sheet, [COLUMNS, *rows])
    return len(rows)


def run_of(sheet: Path) -> str:
    """Return the run that the key of a sheet names, "" in one of an older version.

    Raises UsageError if the key cannot be read.
    """
    return next((row.get("run", "").strip() for row in _read(key_of(sheet), "source")), "")


def read_ratings(sheet: Path) -> dict[str, dict[str, Rating]]:
    """Return the ratings of a filled sheet: by question, and then by source.

    What was not rated is left out. Raises UsageError if sheet or key cannot be read, or a rating is
    no number from 1 to 5.
    """
    sources = {row["sample"].strip(): row["source"] for row in _read(key_of(sheet), "source")}
    given: dict[str, dict[str, list[float]]] = {name: {} for name in QUESTIONS}
    for row in _read(sheet, *QUESTIONS):
        number = row["sample"].strip()
        for question in QUESTIONS:
            text = row[question].strip()
            if not text:
                continue
            if number not in sources:
                raise UsageError(
                    f"{sheet} has a sample {number!r}, which {key_of(sheet)} does not have.",
                    "Allowed: the sheet with its own key.",
                )
            rating = _rating(text, question, number, sheet)
            given[question].setdefault(sources[number], []).append(rating)
    return {
        question: {
            source: Rating(mean=sum(values) / len(values), rated=len(values))
            for source, values in sorted(by_source.items(), reverse=True)
        }
        for question, by_source in given.items()
        if by_source
    }


def format_ratings(ratings: Mapping[str, Mapping[str, Rating]]) -> list[str]:
    """Return the ratings in lines for a terminal."""
    if not ratings:
        return ["No text of the sheet is rated yet."]
    return [
        f"{question:<9}  "
        + ", ".join(
            f"{source} {rating.mean:.2f} ({rating.rated} rated)"
            for source, rating in by_source.items()
        )
        for question, by_source in ratings.items()
    ]


def _rating(text: str, question: str, number: str, sheet: Path) -> float:
    try:
        rating = float(text.replace(",", "."))
    except ValueError:
        rating = 0.0
    if not _LOW <= rating <= _HIGH:
        raise UsageError(
            f"{sheet} rates the {question} of sample {number} as {text!r}.",
            f"Allowed: a number from {_LOW} (bad) to {_HIGH} (good), or nothing.",
        )
    return rating


def _write(path: Path, rows: Sequence[Sequence[Any]]) -> None:
    try:
        with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
            csv.writer(file).writerows(rows)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Allowed: a new file in a folder that can be written to.",
        ) from error


def _read(path: Path, *needed: str) -> list[dict[str, str]]:
    """Return the rows of a file as a spreadsheet may save it, with a semicolon for a comma too."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            delimiter = max((",", ";", "\t"), key=head.count)
            reader = csv.DictReader(file, delimiter=delimiter, restval="")
            names = list(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.",
            "Allowed: a sheet as `textgen evaluate --review` writes it, in UTF-8, and its key.",
        ) from error
    missing = [name for name in ("sample", *needed) if name not in names]
    if missing:
        raise UsageError(
            f"{path} has no column {missing[0]!r}.",
            f"Allowed: the columns sample, {', '.join(needed)}.",
        )
    return rows
