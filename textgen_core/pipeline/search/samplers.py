"""Samplers tuned on a trained run, so that what it writes resembles held-out text.

Chains are tried after prompts from one half of the text. The best ones write once more with another
seed, and the winner is checked on the other half, beside the run's own samplers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from textgen_core.config.space import Space
from textgen_core.config.space_reading import read_sampler_space
from textgen_core.errors import UsageError
from textgen_core.formatting import expand_home
from textgen_core.pipeline.api import open_run
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.search.journal import load_optuna
from textgen_core.pipeline.search.sampler_records import SamplerTuning
from textgen_core.pipeline.search.sampler_search import SamplerSearch
from textgen_core.pipeline.search.sampler_task import make_task
from textgen_core.registry import Registry, discover
from textgen_core.training.callbacks import Callback

SECONDS = 300.0  # of a search of which nobody says how long it may take
SEEDS = 3  # that the winner is checked with
_USUAL = ("temperature:t=0.6..1.2", "nucleus:p=0.7..1")  # what varies if nobody says it


def tune_samplers(
    run: Run | str | os.PathLike[str],
    sampler: Any = None,
    *,
    try_installed: bool = False,
    seconds: float | None = None,
    trials: int | None = None,
    seeds: int = SEEDS,
    seed: int | None = None,
    text: str | Path | None = None,
    callback: Callback | None = None,
) -> SamplerTuning:
    """Find the samplers with which a run writes what resembles held-out text most.

    Args:
        run: a trained run, or its directory or the beginning of its name.
        sampler: the chain, as specs with ranges such as `nucleus:p=0.7..1`; by default temperature
            and nucleus.
        try_installed: whether each other installed sampler is tried as one more link.
        seconds: about how long it may take; by default, and without trials, five minutes.
        trials: how many chains are tried at most. Alone, the same ones are tried everywhere.
        seeds: how many seeds the winner is checked with.
        seed: decides what is tried and what is written; by default the run's own.
        text: a text file that the run was not trained on; by default its validation text.
        callback: is told what is under way.

    Returns:
        The tuned chain, checked on text that it was not chosen by; its `toml` has the chain.

    Raises:
        UsageError: a sampler or range is wrong, or nothing varies.
        CorpusError: there is too little held-out text, or the run was trained on it.
        ComponentError: all chains failed.
        ConfigurationError: Optuna is not installed.
    """
    space = read_chain_space(discover(), sampler, try_installed=try_installed)
    _check_numbers(trials, seeds, seconds)
    load_optuna()  # before the text is read
    callback = callback or Callback()
    opened = run if isinstance(run, Run) else open_run(run, used=("sampler",))
    callback.on_message(["Reading the run's text."])
    search = SamplerSearch(
        task=make_task(opened, None if text is None else expand_home(text)),
        space=space,
        seconds=SECONDS if seconds is None and trials is None else seconds,
        most=trials,
        seeds=seeds,
        seed=opened.configuration.seed if seed is None else seed,
        callback=callback,
    )
    return search.carry_out()


def read_chain_space(registry: Registry, sampler: Any, *, try_installed: bool = False) -> Space:
    """Return the space of a chain of samplers, the usual one if nothing is named.

    Raises UsageError if a sampler or a range is wrong, or nothing varies.
    """
    installed = registry.by_name("sampler")
    usual = [each for each in _USUAL if each.partition(":")[0] in installed]
    if try_installed:
        usual = usual[:1]
    given = usual if sampler is None or sampler == [] else sampler
    space = read_sampler_space(registry, given, try_installed=try_installed)
    if not space.dimensions:
        raise UsageError(
            "Nothing varies: each sampler has one value of each option.",
            "Allowed: ranges and lists, such as nucleus:p=0.7..1 or top-k:k=10,20,40.",
            "Name one: --sampler SPEC, or --try sampler",
        )
    return space


def _check_numbers(trials: int | None, seeds: int, seconds: float | None) -> None:
    for name, value in (("trials", trials), ("seeds", seeds)):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}.", "Allowed: 1 or more.")
    if seconds is not None and not seconds > 0:
        raise UsageError(f"seconds is {seconds}.", "Allowed: above 0.")
