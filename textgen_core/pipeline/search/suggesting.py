"""Values to try next, each better informed than the last, by Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from textgen_core.config.ranges import Dimension
from textgen_core.config.space import Space
from textgen_core.pipeline.search.journal import load_optuna, suggest

_STARTUP = 10  # trials that are drawn, before any is derived from others
_DIGITS = 3


@attrs.frozen
class Suggestion:
    """Values to try, and what takes the result; None: they failed."""

    values: Mapping[str, Any]
    tell: Callable[[float | None], None]


def suggestions(space: Space, seed: int) -> Iterator[Suggestion]:
    """Return an endless iterator over values of a space, each better informed than the last.

    By the tree-structured Parzen estimator (Bergstra et al. 2011). Raises ConfigurationError
    unless Optuna is installed.
    """
    optuna = load_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that what is used is experimental
        tpe = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=_STARTUP, multivariate=True, group=True
        )
    study = optuna.create_study(direction="minimize", sampler=tpe)

    def suggest_on() -> Iterator[Suggestion]:
        while True:
            trial = study.ask()
            chosen = {each.key: _value(trial, each) for each in space.choices}
            others = {each.key: _value(trial, each) for each in space.dimensions_of(chosen)}

            def tell(value: float | None, trial: Any = trial) -> None:
                state = optuna.trial.TrialState.FAIL if value is None else None
                study.tell(trial, value, state=state)

            yield Suggestion({**chosen, **others}, tell)

    return suggest_on()


def _value(trial: Any, each: Dimension) -> Any:
    value = suggest(trial, each)
    if each.choices or each.whole:
        return value
    rounded = float(f"{value:.{_DIGITS}g}")
    return min(max(rounded, float(each.low or 0.0)), float(each.high or 0.0))
