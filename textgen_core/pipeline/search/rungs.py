"""Which budgets there are, and which configurations go on to the next: asynchronous halving.

A configuration that is among the best third of its rung is trained again at three times the budget,
as soon as it is (ASHA: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textgen_core.pipeline.search.journal import Entry
from textgen_core.pipeline.search.records import RECIPE, Budget

FACTOR = 3  # between two budgets, and of how many one goes on
_RUNGS = 3
_SHORTEST = 0.5  # minutes of a trial, which takes about as long beside its training
FULL_TRAININGS = 20  # that are to fit into the time of a study


def plan_budgets(full: Budget, *, by_rungs: bool) -> tuple[Budget, ...]:
    """Return the budgets of a study, the last in full; shorter ones only where they say anything.

    by_rungs: whether there are shorter ones at all.
    """
    parts = [FACTOR**place for place in reversed(range(_RUNGS if by_rungs else 1))]
    budgets = [budget for part in parts if (budget := _part(full, part)) is not None]
    return tuple(dict.fromkeys(budgets))


def _part(full: Budget, part: int) -> Budget | None:
    if part == 1:
        return full
    if full.minutes is not None:
        minutes = full.minutes / part
        return Budget(minutes=minutes) if minutes >= _SHORTEST else None
    if full.steps is not None:
        return Budget(steps=max(1, round(full.steps / part)))
    assert full.epochs is not None
    return Budget(epochs=max(1, round(full.epochs / part)))


def minutes_within(seconds: float, most: float) -> float:
    """Return how many minutes a full training has in a study of so many seconds."""
    return min(most, max(_SHORTEST, seconds / 60 / FULL_TRAININGS))


def find_promotion(
    entries: Sequence[Entry], rungs: int, fits: Callable[[int], bool], *, early: bool = False
) -> Entry | None:
    """Return the trial whose configuration is to go on to the next rung, that of the highest first.

    fits: whether there is time for a trial of a rung. early: take the best of a rung, be it among
    the best third or not.
    """
    tried = [each for each in entries if each.configuration != RECIPE]
    ranked = [rank(tried, rung) for rung in range(rungs)]
    begun = [{each.configuration for each in _of(entries, rung)} for rung in range(rungs)]
    for rung in reversed(range(rungs - 1)):
        if not fits(rung + 1):
            continue
        several = ranked[rung] if early else ranked[rung][: len(ranked[rung]) // FACTOR]
        for each in several:
            if each.configuration not in begun[rung + 1]:
                return each
    return None


def rank(entries: Sequence[Entry], rung: int) -> list[Entry]:
    """Return the finished trials of a rung, the best first."""
    finished = [each for each in _of(entries, rung) if each.score is not None]
    return sorted(finished, key=lambda each: (each.score, each.number))


def best_configurations(entries: Sequence[Entry], rungs: int, count: int) -> list[Entry]:
    """Return trials of the best configurations: those of the highest rung first."""
    tried = [each for each in entries if each.configuration != RECIPE]
    found: dict[int, Entry] = {}
    for rung in reversed(range(rungs)):
        for each in rank(tried, rung):
            found.setdefault(each.configuration, each)
    return list(found.values())[:count]


def _of(entries: Sequence[Entry], rung: int) -> list[Entry]:
    return [each for each in entries if each.rung == rung and not each.is_final]
