"""Runs, or recipes that are trained first, compared on one text that none was trained on.

What may be chance is up to `evaluation.comparison`; which text it is to `common_text`; what is
measured of each run to `compared_run`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.config.chains import choose_samplers
from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.settings import CLOCKS
from textgen_core.config.sources import load_recipe
from textgen_core.errors import UsageError
from textgen_core.formatting import expand_home
from textgen_core.pipeline.api import open_run
from textgen_core.pipeline.entries import SEEDS, find_entries
from textgen_core.pipeline.opened_run import Run
from textgen_core.registry import ResolvedComponent, discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.manifest import settings_to_keep
from textgen_core.training.callbacks import Callback

if TYPE_CHECKING:
    from textgen_core.pipeline.comparison import Comparison


@attrs.frozen(kw_only=True)
class Entry:
    """What is compared: a recipe under several seeds, or a run. recipe: the file or name, if so."""

    name: str
    runs: tuple[Run, ...]
    recipe: str = ""


def compare(
    entries: Sequence[str | os.PathLike[str] | Run],
    *,
    text: str | Path | None = None,
    corpus: str | Path | Sequence[str | Path] = (),
    minutes: float | None = None,
    seeds: int | None = None,
    prompt: str | Sequence[str] = (),
    sampler: Any = None,
    callback: Callback | None = None,
) -> Comparison:
    """Find out which of several runs, or recipes, predicts held-out text best.

    Runs that differ in nothing but their seed are one entry, as a recipe under several seeds is.

    Args:
        entries: runs, their directories or beginnings of their names under runs/; and recipes, by
            name or as TOML files, which are trained first, as ordinary runs. A name that both have
            is the run's, unless `corpus`, `minutes` or `seeds` is given.
        text: a text file to compare them on, that none was trained on; by default held-out text
            that the runs have in common.
        corpus: what recipes are trained on; none: the built-in corpus.
        minutes: how long each is trained; by default as long as the recipe says.
        seeds: how many runs of each recipe; by default 3.
        prompt: what all write after, beside prompts from the text; one or several.
        sampler: the samplers that all write with; by default those of the first run.
        callback: follows trainings, and is told what else is under way.

    Returns:
        Scores, intervals, and what else was measured; its `report` writes a page.

    Raises:
        UsageError: there are fewer than two entries, or one is neither a run nor a recipe.
        CorpusError: a run was trained on the text, or there is no text that none was trained on.
        RunDirectoryError: a run is missing or damaged.
    """
    request = check_request(entries, corpus=corpus, minutes=minutes, seeds=seeds, sampler=sampler)
    return carry_out(request, text=text, prompt=prompt, callback=callback)


@attrs.frozen(kw_only=True)
class Request:
    """What is to be compared, checked: runs, and the configurations of recipes by their names.

    samplers: those that all write with; None: those of the first run.
    """

    named: Sequence[str | RunDirectory]
    runs: Sequence[Run]
    configurations: Mapping[str, Configuration]
    seeds: int
    samplers: tuple[ResolvedComponent, ...] | None


def check_request(
    entries: Sequence[str | os.PathLike[str] | Run],
    *,
    corpus: str | Path | Sequence[str | Path] = (),
    minutes: float | None = None,
    seeds: int | None = None,
    sampler: Any = None,
    open_it: Callable[[RunDirectory], Run] | None = None,
) -> Request:
    """Find what `compare` was given, before anything is trained or computed; raises its errors.

    open_it: opens a run, by default as `open_run` does.
    """
    trains = bool(corpus) or minutes is not None or seeds is not None
    named = find_entries([os.fspath(each) for each in entries], trains=trains)
    recipes = [each for each in named if isinstance(each, str)]
    seeds = SEEDS if seeds is None else seeds
    if seeds < 1:
        raise UsageError(f"seeds is {seeds}.", "Allowed: 1 or more.")
    configurations = {each: _configure(each, corpus, minutes) for each in recipes}
    samplers = None if sampler is None else choose_samplers(sampler)
    opening = open_it or (lambda run: open_run(run.path, used=("sampler",)))
    runs = [
        given if isinstance(given, Run) else opening(place)
        for given, place in zip(entries, named, strict=True)
        if isinstance(place, RunDirectory)
    ]
    return Request(
        named=named, runs=runs, configurations=configurations, seeds=seeds, samplers=samplers
    )


def carry_out(
    request: Request,
    *,
    text: str | Path | None = None,
    prompt: str | Sequence[str] = (),
    callback: Callback | None = None,
) -> Comparison:
    """Train the recipes of a request, and compare all."""
    callback = callback or Callback()
    trained = _train(request.configurations, request.seeds, callback)
    runs = iter(request.runs)
    entries = [
        Entry(name=Path(place).stem, runs=tuple(trained[place]), recipe=place)
        if isinstance(place, str)
        else Entry(name=place.name, runs=(next(runs),))
        for place in request.named
    ]
    from textgen_core.pipeline.comparison import compare_entries

    return compare_entries(
        join_seeds(entries),
        None if text is None else expand_home(text),
        prompts=[prompt] if isinstance(prompt, str) else list(prompt),
        samplers=request.samplers,
        callback=callback,
    )


def join_seeds(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries, with runs that differ in nothing but their seed as one.

    If all of them would become one, they stay as they are: then it is the seeds that are compared.
    """
    joined: dict[Any, list[Entry]] = {}
    for place, entry in enumerate(entries):
        key = place if entry.recipe else _made_with(entry.runs[0])
        joined.setdefault(repr(key), []).append(entry)
    if len(joined) < 2:
        return _with_unique_names(entries)
    found = []
    for several in joined.values():
        runs = tuple(run for entry in several for run in entry.runs)
        name = several[0].name + (f" ({len(several)} runs)" if len(several) > 1 else "")
        found.append(Entry(name=name, runs=runs, recipe=several[0].recipe))
    return _with_unique_names(found)


def _made_with(run: Run) -> Any:
    """Return all that decides what becomes of a run, but its seed."""
    from textgen_core.pipeline.common_text import Trained

    configuration = run.configuration
    settings = settings_to_keep(configuration)
    del settings["seed"]
    training = configuration.training
    ends = [getattr(training, name) for name in (*CLOCKS, "most_passes", "patience")]
    trained = Trained(name="", directory=RunDirectory(run.directory), configuration=configuration)
    return settings, ends, trained.hashes


def _with_unique_names(entries: Sequence[Entry]) -> list[Entry]:
    names = [entry.name for entry in entries]
    return [
        attrs.evolve(entry, name=str(entry.runs[0].directory))
        if names.count(entry.name) > 1 and entry.runs
        else entry
        for entry in entries
    ]


def _configure(
    recipe: str, corpus: str | Path | Sequence[str | Path], minutes: float | None
) -> Configuration:
    """Return the configuration of a recipe: a bundled one, or a file of one or of settings."""
    files = [corpus] if isinstance(corpus, str | Path) else list(corpus)
    arguments = {"corpus": [str(each) for each in files] or None, "minutes": minutes}
    path = expand_home(recipe)
    names_recipe = path.is_file() and "recipe" in load_recipe(recipe).table
    if names_recipe:  # a file of settings over a recipe, as for --config
        return configure(arguments, discover(), config=path, settings=())
    return configure(arguments, discover(), recipe=recipe, settings=())


def _train(
    configurations: Mapping[str, Configuration], seeds: int, callback: Callback
) -> dict[str, list[Run]]:
    """Train each recipe under so many seeds, in turns: a machine may grow slower meanwhile."""
    runs: dict[str, list[Run]] = {each: [] for each in configurations}
    if not configurations:
        return runs
    from textgen_core.pipeline.starting import start

    for number in range(seeds):
        for recipe, configuration in configurations.items():
            with_seed = attrs.evolve(configuration, seed=configuration.seed + number)
            callback.on_message(
                [f"Training {recipe}, seed {with_seed.seed}: {number + 1} of {seeds}."]
            )
            run = start(with_seed, callback=callback)
            runs[recipe].append(run)
            if configuration.chooses_size != "never":  # once: the seeds of a recipe are one model
                model = run.configuration.model
                settled = attrs.evolve(configuration, model=model, chooses_size="never")
                configurations = {**configurations, recipe: settled}
    return runs
