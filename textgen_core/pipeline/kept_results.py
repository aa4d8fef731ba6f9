"""What a run keeps of how it was scored and rated: its own text, other texts, filled sheets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.errors import RunDirectoryError
from textgen_core.evaluation.review import Rating, run_of
from textgen_core.formatting import printable
from textgen_core.runs.directory import RunDirectory, find_run
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_json, write_json

if TYPE_CHECKING:
    from textgen_core.evaluation.evaluation import Evaluation

_MOST = 50  # results of a file: of more the oldest go
_FIGURES = ("tokens", "bytes", "unknown_tokens", "loss", "perplexity", "bits_per_byte")


def keep_evaluation(
    run: RunDirectory, evaluation: Evaluation, text: str | Path | None, step: int
) -> None:
    """Write the figures of a run's own text as evaluation.json; add those of another to texts.json.

    step: that of the checkpoint which was scored. A text of the same name and size that was scored
    at that step is replaced. Raises RunDirectoryError if they cannot be written.
    """
    if text is None:
        write_json(run.evaluation, evaluation.as_json())
        return
    figures = evaluation.as_json()
    findings = [finding["trouble"] for finding in figures["diagnosis"]]
    row = {
        "text": printable(Path(text).name, keep=""),
        "step": step,
        **{key: figures[key] for key in _FIGURES},
        "findings": findings,
    }
    _add(run.texts, "texts", row, ("text", "step", "bytes"))


def keep_ratings(
    run: RunDirectory, sheet: Path, ratings: Mapping[str, Mapping[str, Rating]]
) -> None:
    """Add the ratings of a filled sheet to ratings.json, in place of earlier ones of its name.

    Raises RunDirectoryError if they cannot be written.
    """
    plain = {
        question: {source: attrs.asdict(rating) for source, rating in given.items()}
        for question, given in ratings.items()
    }
    row = {"sheet": printable(sheet.name, keep=""), "ratings": plain}
    _add(run.ratings, "sheets", row, ("sheet",))


def rated_run(sheet: Path) -> RunDirectory | None:
    """Return the run whose texts a sheet holds, by the name in its key; None if it is not here."""
    name = run_of(sheet)
    if not name or name != Path(name).name:  # a path would be whoever's who made the sheet
        return None
    try:
        run = find_run(name)
    except RunDirectoryError:
        return None
    return run if run.name == name else None


def _add(path: Path, key: str, row: Mapping[str, Any], same: tuple[str, ...]) -> None:
    """Add a row to the list of a file, in place of one in which all of `same` is the same."""
    found = read_json(path) if is_there(path) else {}
    rows = found.get(key, []) if isinstance(found, dict) else None
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        raise RunDirectoryError(f"{path} is damaged: it has no list of {key}.")
    others = [each for each in rows if any(each.get(name) != row[name] for name in same)]
    write_json(path, {key: [*others, row][-_MOST:]})
