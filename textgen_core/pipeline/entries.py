"""What is named to be compared: runs that are there, and recipes to train. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence

from textgen_core.config.sources import recipe_names
from textgen_core.errors import RunDirectoryError, UsageError
from textgen_core.formatting import expand_home
from textgen_core.runs.directory import RUNS, RunDirectory, find_run

SEEDS = 3  # that a recipe is trained with
MOST = 20  # entries; each takes a minute or more


def find_entries(references: Sequence[str], *, trains: bool) -> list[str | RunDirectory]:
    """Return the recipes as they were named, and the directories of the runs.

    trains: whether anything was said of how to train: then the name of a recipe means it, though
    there is a run of that name under runs/.
    Raises UsageError unless there are two entries or more, all different, each a run or a recipe,
    and RunDirectoryError for a folder that is no run.
    """
    check_number(len(references))
    found = [each if is_recipe(each, trains=trains) else _find_run(each) for each in references]
    places = [each if isinstance(each, str) else str(each.path.resolve()) for each in found]
    for place, reference in zip(places, references, strict=True):
        if places.count(place) > 1:
            raise UsageError(
                f"{reference} was named twice.", "Allowed: runs and recipes that differ."
            )
    return found


def check_number(entries: int) -> None:
    """Raise UsageError unless so many can be compared."""
    if not 2 <= entries <= MOST:
        raise UsageError(
            f"compare was given {entries or 'nothing'}{' alone' if entries == 1 else ''}.",
            f"Allowed: 2 to {MOST} runs or recipes, such as: textgen compare first fast",
            "See textgen recipes, and the folder runs/",
        )


def is_recipe(reference: str, *, trains: bool) -> bool:
    """Whether something that is named is a recipe: a bundled one's name, or a TOML file."""
    path = expand_home(reference)
    if path.is_dir():
        return False
    is_run = (RUNS / reference / "run.toml").is_file()
    return path.suffix == ".toml" or (reference in recipe_names() and (trains or not is_run))


def _find_run(reference: str) -> RunDirectory:
    try:
        return find_run(reference, trained=True)
    except RunDirectoryError as error:
        if expand_home(reference).exists():
            raise
        raise UsageError(
            f"{reference} is neither a run nor a recipe. {error.problem}",
            f"Allowed: a run, a recipe ({', '.join(recipe_names())}), or a TOML file of one.",
            error.advice,
        ) from error
