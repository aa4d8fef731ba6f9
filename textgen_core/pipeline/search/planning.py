"""What a process does next for a study: decided from the journal alone, under its lock.

First the recipe as it is, in full and at the shortest budget. Then the search: what is promoted,
and new configurations while they can still reach the full budget. At last the finalists and the
recipe under further seeds, and then the verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import attrs

from textgen_core.pipeline.search.around_recipe import values_of_recipe
from textgen_core.pipeline.search.journal import Entry
from textgen_core.pipeline.search.proposing import known_trials, propose
from textgen_core.pipeline.search.records import RECIPE
from textgen_core.pipeline.search.rungs import best_configurations, find_promotion, rank
from textgen_core.pipeline.search.study import Study
from textgen_core.pipeline.search.timing import Timing, seconds_for_samplers

FINALISTS = 2
DEATHS = 3  # processes that end while they train a trial, before it counts as failed
_LOST = "the process that trained it {}, {} times: there may be too little memory"


@attrs.frozen
class Step:
    """What is next: to train a trial, to wait for other processes, to conclude, or nothing."""

    kind: Literal["train", "wait", "conclude", "over"]
    entry: Entry | None = None


def next_step(study: Study) -> Step:
    """Return what this process does next; a trial that it is to train has been noted as begun."""
    with study.journal.locked():
        if study.verdict is not None:
            return Step("over")
        entries = study.journal.entries()
        entry = _lost(study, entries) or _recipe(study, entries)
        if entry is None and study.finalists is None:
            entry = _search(study, entries)
            if entry is None and _running(entries):  # what is needed whoever the finalists are
                entry = _next_final(study, entries, [RECIPE])
            elif entry is None:
                best = best_configurations(entries, study.rungs, FINALISTS)
                study.set_finalists([each.configuration for each in best])
        if entry is None and study.finalists is not None:
            entry = _next_final(study, entries, [*study.finalists, RECIPE])
        if entry is not None:
            return Step("train", entry)
        return Step("wait" if _running(entries) else "conclude")


def timing_of(study: Study, entries: Sequence[Entry]) -> Timing:
    """Return the time that a study has left."""
    whole = math.inf if study.of is None else study.of
    return Timing(
        entries=entries,
        budgets=study.request.budgets,
        whole=whole,
        left=whole - study.seconds,
        processes=max(1, study.processes),
    )


def _running(entries: Sequence[Entry]) -> bool:
    return any(each.state == "running" for each in entries)


def describe_loss(how: str = "was ended") -> str:
    """Return why a trial failed with which processes ended again and again."""
    return _LOST.format(how, DEATHS)


def _lost(study: Study, entries: Sequence[Entry]) -> Entry | None:
    """Return a trial whose process is gone, which this process now trains."""
    for each in study.abandoned(entries):
        study.take_over(each)
        if each.process and each.deaths + 1 >= DEATHS:
            study.journal.fail(each.id, describe_loss())
        else:
            return each
    return None


def _recipe(study: Study, entries: Sequence[Entry]) -> Entry | None:
    """Return the recipe as it is, in full and then at the shortest budget, if it is not begun."""
    begun = {each.rung for each in entries if each.configuration == RECIPE}
    last, seed = study.rungs - 1, study.request.seed
    if last not in begun:
        return study.begin(last, RECIPE, {}, seed=seed, is_final=True)
    return None if 0 in begun else study.begin(0, RECIPE, {}, seed=seed)


def _search(study: Study, entries: Sequence[Entry]) -> Entry | None:
    """Return a trial of the search: promoted, or of a new configuration; None: it is over."""
    timing, last = timing_of(study, entries), study.rungs - 1
    samplers = seconds_for_samplers(study.request, study.of)
    reserved = timing.reserve(_finals_left(study, entries)) + samplers

    def climbs(rung: int) -> bool:
        return timing.fits(range(rung, last + 1), reserved)

    promoted = find_promotion(entries, study.rungs, climbs)
    if promoted is None and (entry := _new(study, entries, is_short=not climbs(0))):
        return entry
    if promoted is None and _may_promote_early(study, entries):
        promoted = find_promotion(entries, study.rungs, climbs, early=True)
    if promoted is None:
        return None
    rung, seed = promoted.rung + 1, study.request.seed
    if not any(each.configuration == RECIPE and each.rung == rung for each in entries):
        return study.begin(rung, RECIPE, {}, seed=seed)  # what the promoted one is seen beside
    return study.begin(rung, promoted.configuration, promoted.values, seed=seed)


def _new(study: Study, entries: Sequence[Entry], *, is_short: bool) -> Entry | None:
    """Begin a configuration that was not tried yet, unless enough were or time is short.

    One at least is tried, and in full if time is short.
    """
    request = study.request
    tried = {each.configuration: each.values for each in entries if each.configuration != RECIPE}
    if tried and (is_short or len(tried) == request.trials):
        return None
    number = len(tried) + 1
    recipe = values_of_recipe(study, entries)
    values = propose(
        request.space,
        known_trials(study, entries, recipe),
        [dict(each) for each in tried.values()],
        recipe=recipe,
        method=request.method,
        seed=request.seed,
        number=number,
    )
    if values is None:
        return None
    rung = study.rungs - 1 if is_short else 0
    return study.begin(rung, number, values, seed=request.seed)


def _may_promote_early(study: Study, entries: Sequence[Entry]) -> bool:
    """Return whether configurations go on that are not among the best third of their rung.

    They do where time is left that new ones could not use, or there are too few finalists, and no
    trial that is under way can still give a better one.
    """
    last = study.rungs - 1
    pending = any(each.state == "running" and each.rung < last for each in entries)
    return not pending and (study.of is not None or len(rank(entries, last)) < FINALISTS)


def _finals_left(study: Study, entries: Sequence[Entry]) -> int:
    """Return how many full trainings are still needed once the search is over."""
    wanted = (study.request.seeds - 1) * (FINALISTS + 1)
    further = [each for each in entries if each.is_final and each.seed != study.request.seed]
    return max(0, wanted - len(further))


def _next_final(
    study: Study, entries: Sequence[Entry], configurations: Sequence[int]
) -> Entry | None:
    """Return the next full training of some configurations under the seeds, one seed at a time.

    A further seed begins only if there is time for it.
    """
    timing, last = timing_of(study, entries), study.rungs - 1
    full = [each for each in entries if each.rung == last]
    values = {each.configuration: each.values for each in entries}
    for place in range(study.request.seeds):
        seed = study.request.seed + place
        begun = {each.configuration for each in full if each.seed == seed}
        missing = [each for each in configurations if each not in begun]
        if not missing:
            continue
        together = timing.expected(last) * math.ceil(len(missing) / timing.processes)
        is_begun = any(each in begun for each in configurations)
        if place and not is_begun and together > timing.left:
            return None
        chosen = missing[0]
        return study.begin(last, chosen, values[chosen], seed=seed, is_final=True)
    return None
