"""What a study was asked for: study.toml, and the configuration of each of its trials."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.sources import recipe_names
from textgen_core.config.space import Space, from_table
from textgen_core.errors import RunDirectoryError, UsageError
from textgen_core.formatting import expand_home, shell_word
from textgen_core.pipeline.search.records import Budget
from textgen_core.registry import Registry
from textgen_core.runs.files import file_errors, read_toml, write_toml

STUDY = "study.toml"
VERSION = 1
_CLOCKS = ("training.epochs", "training.minutes", "training.steps")
_USUAL = "as the recipe has it"
Method = Literal["tpe", "random"]


@attrs.frozen(kw_only=True)
class Request:
    """What is searched, on which text, and how.

    corpus: absolute paths, or names of bundled texts; none: the built-in one. recipe, config: as
    `configure` takes them. budgets: of each rung, the last in full. trials: how many configurations
    are tried beside the recipe, None if time decides. seeds: how many trainings of the finalists.
    samplers: specs with ranges that are tuned on the winner; try_samplers: whether every installed
    one is tried too.
    """

    corpus: tuple[str, ...]
    recipe: str | None
    config: Path | None
    space: Space
    budgets: tuple[Budget, ...]
    method: Method
    trials: int | None
    seeds: int
    seed: int
    samplers: tuple[str, ...] = ()
    try_samplers: bool = False

    @property
    def tunes_samplers(self) -> bool:
        """Whether samplers are tuned in the end."""
        return bool(self.samplers) or self.try_samplers

    @property
    def full(self) -> Budget:
        """The budget of a full training."""
        return self.budgets[-1]

    def configuration(
        self, registry: Registry, values: Mapping[str, Any] | None, budget: Budget, seed: int
    ) -> Configuration:
        """Return the configuration of a trial; values None: the recipe as it is.

        Raises a UsageError if the values contradict each other.
        """
        arguments, settings = self._recipe() if values is None else self.space.arguments(values)
        settings = {key: value for key, value in settings.items() if key not in _CLOCKS}
        clock = {f"training.{name}": value for name, value in budget.as_json().items()}
        return configure(
            {**self.arguments, **arguments, "seed": seed},
            registry,
            recipe=self.recipe,
            config=self.config,
            settings={**settings, **clock},
        )

    def recipe_as_it_is(self, registry: Registry) -> Configuration:
        """Return the configuration that the others are held against, trained in full."""
        return self.configuration(registry, None, self.budgets[-1], self.seed)

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of every configuration."""
        return {"corpus": list(self.corpus)} if self.corpus else {}

    def _recipe(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what the request fixes: what would be trained if nothing varied."""
        alone = {each.key: each.candidates[0] for each in self.space.slots if not each.choice}
        components = {key: {"name": one.component, **one.options} for key, one in alone.items()}
        return components, dict(self.space.settings)

    def as_table(self) -> dict[str, Any]:
        """Return the table of study.toml; a value that is not there is left out."""
        table: dict[str, Any] = {
            "version": VERSION,
            "corpus": list(self.corpus),
            "recipe": self.recipe,
            "config": self.config and str(self.config),
            "method": self.method,
            "trials": self.trials,
            "seeds": self.seeds,
            "seed": self.seed,
            "samplers": list(self.samplers),
            "try_samplers": self.try_samplers,
            "budgets": [each.as_json() for each in self.budgets],
            "space": self.space.as_table(),
        }
        return {key: value for key, value in table.items() if value is not None}


def save_request(request: Request, folder: Path) -> Request:
    """Write study.toml, and copies of files that the configurations are made from."""
    with file_errors(folder, "written", "Name a directory that can: --out DIR."):
        folder.mkdir(parents=True, exist_ok=True)
        if request.recipe is not None and request.recipe not in recipe_names():
            copy = folder / "recipe.toml"
            shutil.copyfile(expand_home(request.recipe), copy)
            request = attrs.evolve(request, recipe=copy.name)
        if request.config is not None:
            copy = folder / "settings.toml"
            shutil.copyfile(expand_home(request.config), copy)
            request = attrs.evolve(request, config=Path(copy.name))
    write_toml(folder / STUDY, request.as_table())
    return load_request(folder)


def load_request(folder: Path) -> Request:
    """Return the request of a study; raises RunDirectoryError if there is none that can be read."""
    path = folder / STUDY
    if not path.is_file():
        raise RunDirectoryError(
            f"{folder} is no study: it holds no {STUDY}.",
            "Allowed: a directory that `textgen tune` made.",
            "Begin one: textgen tune CORPUS --for 60m",
        )
    table = read_toml(path)
    try:
        return _read(table, folder)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"{path} is damaged: {_told(error)}."
        raise RunDirectoryError(problem, advice="Restore it, or begin a new study.") from error


def _told(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _read(table: Mapping[str, Any], folder: Path) -> Request:
    if table["version"] != VERSION:
        raise RunDirectoryError(
            f"{folder / STUDY} is of version {table['version']}, which this textgen cannot read.",
            f"Allowed: {VERSION}.",
        )
    recipe = table.get("recipe")
    if recipe is not None and recipe not in recipe_names():
        recipe = str(folder / recipe)
    return Request(
        corpus=tuple(table["corpus"]),
        recipe=recipe,
        config=folder / table["config"] if "config" in table else None,
        space=from_table(table["space"]),
        budgets=tuple(Budget(**each) for each in table["budgets"]),
        method=table["method"],
        trials=table.get("trials"),
        seeds=table["seeds"],
        seed=table["seed"],
        samplers=tuple(table["samplers"]),
        try_samplers=table["try_samplers"],
    )


def check_same(asked: Request, there: Request, folder: Path) -> None:
    """Raise UsageError if a study exists that was asked for something else, and say what."""
    ours, theirs = _comparable(asked), _comparable(there)
    keys = [*ours, *(key for key in theirs if key not in ours)]
    different = [key for key in keys if ours.get(key, _USUAL) != theirs.get(key, _USUAL)]
    if not different and asked.space == there.space:
        return
    told = [f"{key}: {ours.get(key, _USUAL)}, there {theirs.get(key, _USUAL)}" for key in different]
    shown = "; ".join(told[:3]) or "its components have other options"
    raise UsageError(
        f"{folder} holds another study: {shown}.",
        "Allowed: the same request, or none, which goes on with it.",
        f"Go on: textgen tune --out {shell_word(folder)}; or name another: --out DIR",
    )


def _comparable(request: Request) -> dict[str, Any]:
    """Return what makes two requests the same; of files what they say, wherever they lie."""
    table = attrs.asdict(request, recurse=False)
    for key in ("recipe", "config"):
        if table[key] and (path := expand_home(str(table[key]))).is_file():
            table[key] = read_toml(path)
    del table["budgets"]  # they follow from the time, which may be set anew
    space: Space = table.pop("space")
    candidates = {each.key: ", ".join(one.name for one in each.candidates) for each in space.slots}
    varied = {each.key: str(each) for each in space.dimensions}
    return {**table, **space.settings, **candidates, **varied}
