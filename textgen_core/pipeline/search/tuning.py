"""`textgen.tune`: starting or resuming a study, from what a user asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.space import Space
from textgen_core.config.space_reading import read_kinds, read_space
from textgen_core.corpus.reading.kept import is_stdin
from textgen_core.errors import Faults, UsageError
from textgen_core.formatting import expand_home, format_duration, shell_word
from textgen_core.pipeline.search.journal import load_optuna
from textgen_core.pipeline.search.records import Budget, Tuning
from textgen_core.pipeline.search.request import STUDY, Method, Request, check_same, save_request
from textgen_core.pipeline.search.rungs import minutes_within, plan_budgets
from textgen_core.pipeline.search.samplers import read_chain_space
from textgen_core.pipeline.search.study import Study
from textgen_core.pipeline.starting import with_absolute_paths
from textgen_core.registry import Registry, discover
from textgen_core.registry.selection import as_list
from textgen_core.runs.directory import check_free, make_folder, timestamp
from textgen_core.training.callbacks import Callback

SEEDS = 3
_FEWEST = 2  # full trainings that fit into any search


@attrs.frozen(kw_only=True)
class Asked:
    """What a user asks a study for; see `tune`. seconds: `for_minutes`. flags: how it is named."""

    corpus: Sequence[str] = ()
    seconds: float | None = None
    models: Any = ()
    tokenizers: Any = ()
    samplers: Any = ()
    settings: Mapping[str, Any] | Sequence[str] = ()
    try_kinds: Any = ()
    recipe: str | None = None
    config: Path | None = None
    minutes: float | None = None
    trials: int | None = None
    seeds: int | None = None
    seed: int | None = None
    method: Method = "tpe"
    flags: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for but the time: then a study goes on as it is."""
        table = attrs.asdict(self, recurse=False)
        del table["seconds"], table["flags"], table["method"]
        return self.method == "tpe" and all(each in (None, (), [], {}) for each in table.values())


def tune(
    corpus: str | Path | Sequence[str | Path] = (),
    *,
    for_minutes: float | None = None,
    model: Any = (),
    tokenizer: Any = (),
    sampler: Any = (),
    settings: Mapping[str, Any] | Sequence[str] = (),
    try_kinds: str | Sequence[str] = (),
    recipe: str | None = None,
    config: str | Path | None = None,
    minutes: float | None = None,
    trials: int | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    method: Method = "tpe",
    out: str | Path | None = None,
    callback: Callback | None = None,
) -> Tuning:
    """Search for a configuration that predicts a text better than a recipe, within a time.

    Ranges are written as `"lstm:units=128..1024,dropout=0..0.5"`; where nothing varies, what
    usually matters does, around the recipe. A study that was interrupted goes on with `out` alone,
    and several processes may work on one.

    Args:
        corpus: a file, a folder, or several of them; none: the built-in corpus.
        for_minutes: how long the study may be worked on, all in all; or give `trials`.
        model: a spec with ranges, or a list of them to choose from.
        tokenizer: the same.
        sampler: samplers with ranges, which are tuned apart, on the winner's run.
        settings: values by "section.key", or a list of "section.key=value", with ranges.
        try_kinds: of "model", "tokenizer" and "sampler", to try every installed one.
        recipe: what the search starts from, and is held against; default: fast.
        config: a TOML file of settings.
        minutes: how long a configuration is trained in full.
        trials: how many configurations are tried.
        seeds: how often the finalists and the recipe are trained; default: 3.
        seed: of all random numbers.
        method: "tpe", or "random" for random search at the full budget.
        out: the study's directory; default: runs/tune-<time>.
        callback: follows the search; a `SearchCallback` is told of its trials too.

    Returns:
        The study, with the verdict; its `report` writes a page.

    Raises:
        UsageError: a range, a setting or a component is wrong, or another study is there.
        TextgenError: every trial failed.
        Interrupted: the user stopped it; it can go on.
    """
    files = [corpus] if isinstance(corpus, str | Path) else list(corpus)
    asked = Asked(
        corpus=[str(each) for each in files],
        seconds=None if for_minutes is None else for_minutes * 60,
        models=model,
        tokenizers=tokenizer,
        samplers=sampler,
        settings=settings,
        try_kinds=try_kinds,
        recipe=recipe,
        config=None if config is None else Path(config),
        minutes=minutes,
        trials=trials,
        seeds=seeds,
        seed=seed,
        method=method,
    )
    from textgen_core.pipeline.search.searching import search

    registry = discover()
    callback = callback or Callback()
    place = None if out is None else expand_home(out)
    return search(open_study(asked, registry, place, callback.on_warning), registry, callback)


def open_study(
    asked: Asked, registry: Registry, out: Path | None, warn: Callable[[str], None]
) -> Study:
    """Return the study in a directory, or a new one; raises UsageError if it is another's.

    warn: is told what a new one leaves out.
    """
    load_optuna()
    _check(asked)
    if out is not None and (out / STUDY).is_file():
        study = Study(out)
        if not asked.is_empty:
            check_same(_request(asked, registry), study.request, out)
            _check_minutes(asked, study)
    else:
        _check_new(asked, out)
        if out is not None:
            check_free(out, "Name a study, or a directory that is new or empty: --out DIR.")
        request = _request(asked, registry)
        for note in request.space.notes:
            warn(note)
        folder = out or make_folder(f"tune-{timestamp()}")
        save_request(request, folder)
        study = Study(folder, is_new=True)
    if asked.seconds is not None:
        study.set_seconds(asked.seconds)
    return study


def _check(asked: Asked) -> None:
    """Raise UsageError for numbers that are none of a study's, all at once."""
    least = {"--for": asked.seconds, "--minutes": asked.minutes}
    counts = {"--trials": asked.trials, "--seeds": asked.seeds}
    faults = [
        UsageError(f"{name} is {value:g}.", "Allowed: more than 0.")
        for name, value in least.items()
        if value is not None and not value > 0
    ]
    faults += [
        UsageError(f"{name} is {value}.", "Allowed: 1 or more.")
        for name, value in counts.items()
        if value is not None and value < 1
    ]
    if any(map(is_stdin, asked.corpus)):
        allowed = "Allowed: files, which every trial and every process can read again."
        faults.append(UsageError("A study cannot read its corpus from stdin.", allowed))
    Faults(faults).raise_any()


def _check_new(asked: Asked, out: Path | None) -> None:
    if asked.seconds is None and asked.trials is None:
        if out is not None and asked.is_empty:
            raise UsageError(
                f"There is no study in {out}.",
                "Allowed: the directory of one, to go on with it.",
                f"Begin one there: textgen tune CORPUS --for 60m --out {shell_word(out)}",
            )
        raise UsageError(
            "Nothing says how long to search.",
            "Allowed: a time, or a number of configurations.",
            "Say it: textgen tune CORPUS --for 60m; or --trials 30",
        )


def _check_minutes(asked: Asked, study: Study) -> None:
    """Raise UsageError if trainings of a study are to be of another length than they are."""
    full = study.request.full
    if asked.minutes not in (None, full.minutes):
        there = ", ".join(f"{value:g} {name}" for name, value in full.as_json().items())
        raise UsageError(
            f"--minutes is {asked.minutes:g}, and a full training of this study has {there}.",
            "Allowed: the same, or none.",
            "Begin another study with it: --out DIR",
        )


def _request(asked: Asked, registry: Registry) -> Request:
    """Return the request with everything checked, and paths that hold anywhere."""
    arguments = {"corpus": list(asked.corpus) or None, "seed": asked.seed}
    kinds = read_kinds(as_list(asked.try_kinds))
    if asked.samplers or "sampler" in kinds:
        read_chain_space(registry, as_list(asked.samplers), try_installed="sampler" in kinds)
    space = read_space(
        registry,
        models=asked.models,
        tokenizers=asked.tokenizers,
        settings=asked.settings,
        try_kinds=[each for each in kinds if each != "sampler"],
        arguments=arguments,
        recipe=asked.recipe,
        config=asked.config,
        flags=asked.flags,
    )
    base = with_absolute_paths(
        configure(
            arguments,
            registry,
            recipe=asked.recipe,
            config=asked.config,
            settings=space.settings,
            flags=asked.flags,
        )
    )
    _check_held_out(base)
    full = _full_budget(asked, base)
    _check_time(asked, full)
    return Request(
        corpus=tuple(map(str, base.corpus.files)),
        recipe=asked.recipe,
        config=asked.config,
        space=_with_texts_of(base, space),
        budgets=plan_budgets(full, by_rungs=asked.method != "random"),
        method=asked.method,
        trials=asked.trials,
        seeds=asked.seeds or SEEDS,
        seed=base.seed,
        samplers=tuple(map(str, as_list(asked.samplers))),
        try_samplers="sampler" in kinds,
    )


def _full_budget(asked: Asked, base: Configuration) -> Budget:
    training = base.training
    if asked.minutes is not None:
        return Budget(minutes=asked.minutes)
    if training.steps is not None:
        return Budget(steps=training.steps)
    if training.minutes is None:
        return Budget(epochs=training.epochs)
    if asked.seconds is None or "training.minutes" in base.given:
        return Budget(minutes=training.minutes)
    return Budget(minutes=minutes_within(asked.seconds, training.minutes))


def _check_time(asked: Asked, full: Budget) -> None:
    """Raise UsageError for a time that the recipe and another configuration do not fit into."""
    if asked.seconds is None or full.minutes is None:
        return
    if asked.seconds < _FEWEST * 60 * full.minutes:
        raise UsageError(
            f"A search of {format_duration(asked.seconds)} has no time for two trainings of "
            f"{format_duration(60 * full.minutes)}.",
            "Allowed: a longer time; an hour is a good start.",
            "Say it: --for 60m; or train more briefly: --minutes M",
        )


def _with_texts_of(base: Configuration, space: Space) -> Space:
    """Return the space with ready-made held-out texts at absolute paths."""
    texts = {"validation": base.corpus.validation, "test": base.corpus.test}
    named = {f"corpus.{key}": str(path) for key, path in texts.items() if path}
    return attrs.evolve(space, settings={**space.settings, **named})


def _check_held_out(base: Configuration) -> None:
    if not base.corpus.validation and not base.corpus.split[1]:
        raise UsageError(
            "No text is held out for validation, on which the trials are compared.",
            "Allowed: a split such as --set corpus.split=80,10,10, or corpus.validation=FILE.",
        )
