"""`textgen tune`: search for a configuration that predicts a text better, within a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from textgen_core.cli.completing import complete_spec
from textgen_core.cli.options import (
    ConfigFile,
    Json,
    Quiet,
    discover_plugins,
    recipe_flag,
    setting_flag,
    warn_of_cache,
)
from textgen_core.cli.output import note, outliving_reader, print_json, warn
from textgen_core.errors import UsageError
from textgen_core.formatting import expand_home

if TYPE_CHECKING:
    from textgen_core.pipeline.search.tuning import Asked

_UNITS = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(h|min|m|s)\s*")


def _specs(kind: str, about: str, name: str = "") -> Any:
    return typer.Option(
        f"--{name or kind}",
        metavar="SPEC",
        help=about,
        show_default=False,
        autocompletion=complete_spec(kind),
    )


def tune(
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CORPUS]...|RUN",
            help="Text files or folders, as for textgen run; or a run, to tune samplers on.",
            show_default=False,
        ),
    ] = None,
    *,
    time: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="TIME",
            help="How long to search in all: 60m, 2h, 1h30m; or give --trials. With a run: 5m.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        _specs("model", "A model with ranges: lstm:units=128..1024; several are a choice."),
    ] = None,
    tokenizer: Annotated[
        list[str] | None,
        _specs("tokenizer", "A tokenizer with ranges: bpe:vocabulary_size=300..4000; likewise."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        setting_flag(
            "A setting, with a range: training.learning_rate=0.001..0.02; may be repeated."
        ),
    ] = None,
    try_kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            metavar="KINDS",
            help="Also try every installed one of these kinds, separated by commas: model, "
            "tokenizer, sampler.",
            show_default=False,
        ),
    ] = None,
    sampler: Annotated[
        list[str] | None,
        _specs(
            "sampler",
            "A sampler with ranges, tuned separately on the winner's run; several are a chain.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        recipe_flag("The recipe to start from and to beat; default: fast."),
    ] = None,
    config: ConfigFile = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="M",
            help="Minutes of one full training; default: a twentieth of --for, at most the "
            "recipe's own.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many configurations to try, or with a run chains of samplers; default: as "
            "time allows.",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Under how many seeds the best and the recipe are trained; default: 3.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="The seed of all random numbers.")
    ] = None,
    method: Annotated[
        Literal["tpe", "random"],
        typer.Option(help="How configurations are chosen; random: each is trained in full."),
    ] = "tpe",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=expand_home,
            help="The study's directory; one that exists is continued; default: runs/tune-<time>.",
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Tune samplers of a run by this text, which it was not trained on; default: its "
            "validation text.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for settings that predict a text better than a recipe, and show what may be chance."""
    seconds = None if time is None else read_time(time)
    if corpus and len(corpus) == 1 and is_run(corpus[0]):
        others: dict[str, Any] = {"--model": model, "--tokenizer": tokenizer, "--set": settings}
        others |= {"--recipe": recipe, "--config": config, "--minutes": minutes}
        others["--method"] = method != "tpe"
        _refuse_training(corpus[0], others)
        from textgen_core.cli.tune_samplers import tune_run

        tune_run(
            corpus[0],
            sampler=sampler or (),
            try_installed=_tries_samplers(try_kinds or ()),
            seconds=seconds,
            trials=trials,
            seeds=seeds,
            seed=seed,
            text=text,
            out=out,
            as_json=as_json,
            quiet=quiet,
        )
        return
    if text is not None:
        raise UsageError(
            "--text: trials are scored on the validation text of their corpus.",
            "Allowed with a run, whose samplers are tuned.",
            "Validation text of your own: --set corpus.validation=FILE",
        )
    from textgen_core.pipeline.search.tuning import Asked

    asked = Asked(
        corpus=corpus or (),
        seconds=seconds,
        models=model or (),
        tokenizers=tokenizer or (),
        samplers=sampler or (),
        settings=settings or (),
        try_kinds=try_kinds or (),
        recipe=recipe,
        config=config,
        minutes=minutes,
        trials=trials,
        seeds=seeds,
        seed=seed,
        method=method,
        flags=True,
    )
    _search(asked, out, as_json=as_json, quiet=quiet)


def _search(asked: Asked, out: Path | None, *, as_json: bool, quiet: bool) -> None:
    from textgen_core.pipeline.search.tuning import open_study

    registry = discover_plugins()
    study = open_study(asked, registry, out, warn)
    from textgen_core.cli.tune_output import SearchDisplay, recipe_words, show_tuning
    from textgen_core.pipeline.search.finishing import PAGE, is_over

    if study.verdict is not None and not is_over(study):  # samplers are left to tune, in here
        from textgen_core.cli.startup import import_tensorflow

        import_tensorflow()
    from textgen_core.pipeline.search.searching import search

    held_against = recipe_words(study.request.recipe_as_it_is(registry), study.dimensions)
    with outliving_reader(), closing(SearchDisplay(held_against, quiet=quiet)) as display:
        found = search(study, registry, display)
    warn_of_cache()
    page = study.directory / PAGE
    if as_json:
        print_json({**found.as_json(), "page": str(page)})
        return
    show_tuning(found)
    note(f"All trials: {page}")


def is_run(reference: str) -> bool:
    """Return whether an argument names a run, and no text: its directory, or a beginning."""
    from textgen_core.runs.directory import list_runs

    path = expand_home(reference)
    if path.exists():
        return (path / "run.toml").is_file()
    return any(each.name.startswith(reference) for each in list_runs())


def _tries_samplers(kinds: Sequence[str]) -> bool:
    """Return whether samplers are to be tried; of a run that is there nothing else can be."""
    from textgen_core.config.space_reading import read_kinds

    found = read_kinds(kinds) if kinds else ()
    if set(found) - {"sampler"}:
        raise UsageError(
            f"--try {','.join(found)}: a trained run has its model and its tokenizer.",
            "Allowed with a run: --try sampler.",
            "Name texts to search for another model: textgen tune CORPUS --for 60m",
        )
    return bool(found)


def _refuse_training(run: str, given: Mapping[str, Any]) -> None:
    """Raise UsageError for what only a search over trainings needs."""
    useless = [name for name, value in given.items() if value]
    if useless:
        raise UsageError(
            f"{', '.join(useless)}: {run} is a run, which is trained already.",
            "Allowed with a run: --sampler and --try sampler, which are tuned on it.",
            "Name texts to search for another model: textgen tune CORPUS --for 60m",
        )


def read_time(text: str) -> float:
    """Return the seconds of a time such as `60m` or `1h30m`; raises UsageError for any other."""
    found = _PART.findall(text)
    if not found or _PART.sub("", text).strip():
        raise UsageError(
            f"--for cannot be {text!r}.", "Allowed: a time with its unit, such as 60m, 2h or 1h30m."
        )
    return sum(float(number) * _UNITS[unit] for number, unit in found)
