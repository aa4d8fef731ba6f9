"""What configuration is tried next: a function of what is known and a number.

Near the best so far at first, and then asked of Optuna. Its sampler is made anew for each question
and seeded by the configuration's number, over trials that are copied into memory: so a study that
was killed is told what it would have been told.
"""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgen_core.config.ranges import Dimension
from textgen_core.config.space import Space
from textgen_core.pipeline.search.around_recipe import draw_near, lies_within
from textgen_core.pipeline.search.journal import Entry, distribution_of, load_optuna, suggest
from textgen_core.pipeline.search.records import RECIPE
from textgen_core.pipeline.search.request import Method
from textgen_core.pipeline.search.study import Study

_ATTEMPTS = 20  # to find values that were not tried yet
_FEW = 1_000  # configurations of a space that are counted one by one
_ENOUGH = 4  # finished trials that say where to look; docs/log.md has what other numbers come to


def propose(
    space: Space,
    known: Sequence[Any],
    tried: Sequence[dict[str, Any]],
    *,
    recipe: Mapping[str, Any],
    method: Method,
    seed: int,
    number: int,
) -> dict[str, Any] | None:
    """Return the values of the next configuration, None if all have been tried.

    known: Optuna's trials that it learns from, of one rung. tried: the values of all
    configurations. recipe: those of the recipe, where it lies in the space. number: that of the
    next one.
    """
    finished = [each for each in known if each.value is not None]
    is_early = method == "tpe" and len(finished) < _ENOUGH
    best = min(finished, key=lambda each: each.value).params if finished else {}
    center = {**recipe, **best}
    for attempt in range(_ATTEMPTS):
        mixed = _mixed(seed, number, attempt)
        if is_early and center:
            values = draw_near(space, center, random.Random(mixed))
        else:
            values = _ask(space, known, method, seed=mixed)
        if values not in tried:
            return values
    if space.count > _FEW:
        return values
    left = [each for each in every_configuration(space) if each not in tried]
    return random.Random(_mixed(seed, number, _ATTEMPTS)).choice(left) if left else None


def known_trials(study: Study, entries: Sequence[Entry], recipe: Mapping[str, Any]) -> list[Any]:
    """Return Optuna's trials that a new configuration is proposed from: one for each that began.

    recipe: its values; it counts if it lies in the space with all of them. What failed counts as
    bad as the worst, so that it is not tried again.
    """
    recipe = recipe if lies_within(study.request.space, recipe) else {}
    scores = expected_scores(entries, study.rungs)
    worst = max(scores.values(), default=None)
    latest = {each.configuration: each for each in entries}
    found = []
    for configuration, entry in latest.items():
        values = entry.values if configuration != RECIPE else recipe
        score = scores.get(configuration)
        if score is None and entry.state == "failed":
            score = worst
        if values and (score is not None or entry.state == "running"):
            found.append(_trial(study, values, score))
    return found


def expected_scores(entries: Sequence[Entry], rungs: int) -> dict[int, float]:
    """Return what each configuration is expected to reach in full, by its longest training.

    From one rung to the next it is to gain what others gained, on average. To learn from the
    longest trainings alone would mislead: there are only good ones among them.
    """
    by_rung: list[dict[int, float]] = [{} for _ in range(rungs)]
    for each in entries:
        if each.score is not None:
            by_rung[each.rung].setdefault(each.configuration, each.score)
    found: dict[int, float] = {}
    gain = 0.0
    for rung in reversed(range(rungs)):
        here, above = by_rung[rung], by_rung[rung + 1] if rung + 1 < rungs else {}
        gains = [above[each] - here[each] for each in above if each in here]
        gain += sum(gains) / len(gains) if gains else 0.0
        for configuration, score in here.items():
            found.setdefault(configuration, score + gain)
    return found


def _trial(study: Study, values: Mapping[str, Any], score: float | None) -> Any:
    trial = load_optuna().trial
    state = trial.TrialState.RUNNING if score is None else trial.TrialState.COMPLETE
    return trial.create_trial(
        state=state,
        value=score,
        params=dict(values),
        distributions={key: distribution_of(study.dimensions[key]) for key in values},
    )


def every_configuration(space: Space) -> Iterator[dict[str, Any]]:
    """Yield the values of each configuration of a space that has not too many."""
    for chosen in _products(space.choices):
        for rest in _products(space.dimensions_of(chosen)):
            yield {**chosen, **rest}


def _products(dimensions: Sequence[Dimension]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*map(_values, dimensions)):
        yield {each.key: value for each, value in zip(dimensions, values, strict=True)}


def _values(dimension: Dimension) -> Sequence[Any]:
    if dimension.choices:
        return dimension.choices
    assert dimension.low is not None and dimension.high is not None
    return range(int(dimension.low), int(dimension.high) + 1)


def _ask(space: Space, known: Sequence[Any], method: Method, *, seed: int) -> dict[str, Any]:
    optuna = load_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that groups of dimensions are experimental
        sampler = _sampler(space, method, seed)
        study = optuna.create_study(sampler=sampler)
        study.add_trials(known)
        trial = study.ask()
        for each in space.choices:
            suggest(trial, each)
        for each in space.dimensions_of(dict(trial.params)):
            suggest(trial, each)
    return dict(trial.params)


def _sampler(space: Space, method: Method, seed: int) -> Any:
    samplers = load_optuna().samplers
    if method == "random":
        return samplers.RandomSampler(seed=seed)
    return samplers.TPESampler(
        n_startup_trials=_ENOUGH,
        multivariate=True,
        group=bool(space.choices),
        constant_liar=True,
        seed=seed,
    )


def _mixed(seed: int, number: int, attempt: int) -> int:
    """Return a seed of 32 bits that depends on all three."""
    return random.Random(f"{seed}/{number}/{attempt}").getrandbits(32)
