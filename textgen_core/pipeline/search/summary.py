"""What a study has come to so far, read from its journal: `Tuning`, with a verdict at its end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from textgen_core.evaluation.comparison import spread_of
from textgen_core.pipeline.search.journal import Entry
from textgen_core.pipeline.search.records import RECIPE, Finalist, TrialRecord, Tuning, Verdict
from textgen_core.pipeline.search.rungs import rank
from textgen_core.pipeline.search.study import Study
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_json

WINNER, SAMPLERS = "winner.toml", "samplers.json"
_FEWEST = 8  # trials of a rung, from which importances say anything


def tuning_of(study: Study) -> Tuning:
    """Return what a study has come to so far."""
    entries = study.journal.entries()
    return Tuning(
        directory=study.directory,
        request=study.request.as_table(),
        dimensions=[_described(each) for each in study.dimensions.values()],
        budgets=study.request.budgets,
        trials=tuple(record_of(study, each) for each in entries),
        importances=_importances(study, entries) if study.verdict is not None else {},
        seconds=study.seconds,
        of=study.of,
        verdict=_verdict(study, entries),
        samplers=read_json(path) if is_there(path := study.directory / SAMPLERS) else None,
    )


def record_of(study: Study, entry: Entry) -> TrialRecord:
    """Return a trial as a plain record."""
    result = entry.result
    return TrialRecord(
        number=entry.number,
        configuration=entry.configuration,
        rung=entry.rung,
        seed=entry.seed,
        values=entry.values,
        state=entry.state,
        directory=study.directory_of(entry).path,
        score=entry.score,
        steps=result.get("steps", entry.steps),
        seconds=result.get("wall"),
        parameters=result.get("parameters"),
        memory_bytes=result.get("memory_bytes"),
        reason=entry.reason,
    )


def finalists_of(study: Study, entries: Sequence[Entry]) -> list[Finalist]:
    """Return the finalists and the recipe as far as they were trained in full, the best first."""
    found = []
    for configuration in (RECIPE, *(study.finalists or ())):
        full = [
            each
            for each in entries
            if each.configuration == configuration and each.rung == study.rungs - 1
        ]
        scores = {each.seed: each.score for each in full if each.score is not None}
        if scores:
            values = full[0].values
            chosen_by = study.request.seed
            found.append(
                Finalist(
                    configuration=configuration, values=values, scores=scores, chosen_by=chosen_by
                )
            )
    return sorted(found, key=lambda each: each.mean)


def deviation_of(winner: Finalist, recipe: Finalist, finalists: Iterable[Finalist]) -> float:
    """Return the standard deviation of the difference between two means over seeds.

    How much seeds differ is taken from all finalists together; where too few were trained again it
    is what they typically differ by.
    """
    means = sum(1 / len(each.counted) for each in (winner, recipe))
    return _seed_spread(finalists) * math.sqrt(means)


def _seed_spread(finalists: Iterable[Finalist]) -> float:
    return spread_of([np.array(list(each.scores.values())) for each in finalists]).bits


def _verdict(study: Study, entries: Sequence[Entry]) -> Verdict | None:
    found = study.verdict
    if found is None:
        return None
    finalists = finalists_of(study, entries)
    winner = next(each for each in finalists if each.configuration == found["configuration"])
    recipe = next((each for each in finalists if each.configuration == RECIPE), None)
    return Verdict(
        winner=winner,
        recipe=recipe,
        others=tuple(each for each in finalists if each not in (winner, recipe)),
        difference=None if recipe is None else recipe.mean - winner.mean,
        deviation=None if recipe is None else deviation_of(winner, recipe, finalists),
        test=found["test"],
        recipe_test=found.get("recipe_test"),  # unknown in a study of an older textgen
        test_deviation=_seed_spread(finalists) * math.sqrt(2),
        directory=study.directory / found["directory"],
        toml=study.directory / WINNER,
    )


def _importances(study: Study, entries: Sequence[Entry]) -> dict[str, float]:
    rung = max(range(study.rungs), key=lambda each: len(rank(entries, each)))
    if len(rank(entries, rung)) < _FEWEST or len(study.dimensions) < 2:
        return {}
    return study.journal.importances(rung)


def _described(dimension: Any) -> dict[str, Any]:
    """Return a dimension as plain values."""
    return {
        "key": dimension.key,
        "of": dimension.of,
        "low": dimension.low,
        "high": dimension.high,
        "log": dimension.log,
        "whole": dimension.whole,
        "choices": list(dimension.choices),
    }
