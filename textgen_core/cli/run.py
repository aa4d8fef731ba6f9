"""`textgen run`: from a corpus to a trained, scored and reported model."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen_core.cli.completing import complete_run, complete_spec
from textgen_core.cli.escapes import ESCAPES, read_escapes
from textgen_core.cli.following import follow
from textgen_core.cli.options import (
    ConfigFile,
    CorpusArgument,
    Json,
    Quiet,
    Samplers,
    Verbose,
    announce_stdin,
    discover_plugins,
    open_earlier_for,
    recipe_flag,
    setting_flag,
    warn_of_unread_stdin,
)
from textgen_core.cli.output import note, print_json, show_line, show_text
from textgen_core.cli.workers import (
    RestartsOption,
    WorkersOption,
    chosen_workers,
    run_workers,
    shown_options,
    this_worker,
)
from textgen_core.config.settings import help_of
from textgen_core.formatting import expand_home

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from textgen_core.config.resolve import Configuration
    from textgen_core.corpus import Texts
    from textgen_core.pipeline.estimating import Estimate


def _component(kind: str, value: Any, about: str) -> Any:
    option = typer.Option(metavar="SPEC", help=about, autocompletion=complete_spec(kind))
    return Annotated[value | None, option]


def _setting(name: str, metavar: str) -> Any:
    about = help_of(name)
    option = typer.Option(metavar=metavar, help=f"{about[0].upper()}{about[1:]}.")
    return Annotated[str | None, option]


# The flags that are settings, as annotations for Typer; `configure` reads the values.
_FLAGS = {
    "tokenizer": _component("tokenizer", str, "The tokenizer, such as bpe:vocabulary_size=8000."),
    "model": _component(
        "model",
        str,
        "The model, such as lstm:units=512; auto: the size that textgen plan recommends.",
    ),
    "sampler": Samplers,
    "metric": _component("metric", list[str], "A metric beside the bundled ones; may be repeated."),
    "tracker": _component("tracker", list[str], "An experiment tracker; may be repeated."),
    "epochs": _setting("epochs", "N"),
    "steps": _setting("steps", "N"),
    "minutes": _setting("minutes", "M"),
    "batch_size": _setting("batch_size", "N"),
    "learning_rate": _setting("learning_rate", "RATE"),
    "seed": _setting("seed", "N"),
    "split": _setting("split", "80,10,10"),
    "validation": _setting("validation", "FILE"),
    "test": _setting("test", "FILE"),
    "prompt": _setting("prompt", "TEXT"),
}


def _with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Show Typer the flags as parameters of the command, which takes them as `**arguments`."""
    signature = inspect.signature(command, eval_str=True)
    first, *others = [each for each in signature.parameters.values() if each.name != "arguments"]
    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in _FLAGS.items()
    ]
    parameters = [first, *flags, *others]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


@_with_flags
def run(
    corpus: CorpusArgument = None,
    *,
    recipe: Annotated[
        str | None,
        recipe_flag("The recipe to start from; default: fast."),
    ] = None,
    config: ConfigFile = None,
    settings: Annotated[
        list[str] | None,
        setting_flag("A setting; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=expand_home,
            help="The run directory; default: runs/<time>-<model>.",
        ),
    ] = None,
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Begin with the tokenizer, model and weights of a run.",
            autocompletion=complete_run,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Estimate what the run would take, show its configuration, and stop.",
        ),
    ] = False,
    workers: WorkersOption = None,
    restarts: RestartsOption = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    **arguments: Any,
) -> None:
    """Train a model on a corpus, write with it, and score it: the five phases."""
    from textgen_core.cli.startup import import_tensorflow
    from textgen_core.config.resolve import configure
    from textgen_core.runs.cache import usable_cache
    from textgen_core.runs.directory import check_free

    texts_named = [*(corpus or ()), arguments["validation"], arguments["test"]]
    warn_of_unread_stdin([each for each in texts_named if each])
    given = {"corpus": corpus, **arguments}
    earlier = open_earlier_for(from_run, workers)
    configuration = (earlier.configure if earlier else configure)(
        {name: None if value == [] else value for name, value in given.items()},
        discover_plugins(),
        recipe=recipe,
        config=config,
        settings=settings or (),
        flags=True,
    )
    several = None if dry_run else chosen_workers(workers, restarts)
    cluster = None if several or dry_run else this_worker(out)
    if out is not None and cluster is None:
        check_free(out)
    if several is not None:
        shown = shown_options(as_json=as_json, quiet=quiet, verbose=verbose)
        run_workers(configuration, several, out, shown)
        return
    from textgen_core.config.ineffective import find_ineffective
    from textgen_core.corpus import count_all_characters, keep_streams, read_texts

    announce_stdin(*texts_named)
    texts = read_texts(configuration.corpus if dry_run else keep_streams(configuration.corpus))
    configuration = _with_prompt_read(configuration, texts)
    if dry_run:
        for text in find_ineffective(configuration):
            note(text)
        size = count_all_characters(texts.corpus.documents)
        tokenizer = earlier.tokenizer if earlier else None
        plan_run(configuration, texts, size, tokenizer, as_json=as_json, quiet=quiet)
        return
    usable_cache()  # its faults, before TensorFlow is waited for
    import_tensorflow()
    from textgen_core.pipeline.starting import start

    begin = partial(start, configuration, texts=texts, out=out, earlier=earlier)
    follow(begin, cluster, as_json=as_json, quiet=quiet, verbose=verbose)


def _with_prompt_read(configuration: Configuration, texts: Texts) -> Configuration:
    """Return the configuration with what stands for a line end in its prompt as one."""
    import attrs

    from textgen_core.corpus import iterate_pieces

    settings = configuration.generation
    if not any(escape in settings.prompt for escape in ESCAPES):
        return configuration
    pieces = iterate_pieces(texts.corpus.documents)
    in_text = any(escape in piece.text for piece in pieces for escape in ESCAPES)
    prompt = read_escapes(settings.prompt, "--prompt", in_text=in_text)
    return attrs.evolve(configuration, generation=attrs.evolve(settings, prompt=prompt))


def plan_run(
    configuration: Configuration,
    texts: Texts,
    size: int,
    tokenizer: Tokenizer | None = None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print what a run would take, and its resolved configuration: TOML, or a JSON value.

    tokenizer: that of the run that it would begin with. quiet: leaves out the estimate, which needs
    TensorFlow and some steps of training.
    """
    import attrs
    import tomli_w

    found = None if quiet else _estimate(configuration, texts, tokenizer)
    table = configuration.as_table()
    if as_json:
        shown = found and attrs.asdict(found)
        print_json({"estimate": shown, "configuration": table, "characters": size})
        return
    for sentence in found.sentences(configuration.model.name) if found else ():
        show_line(f"# {sentence}")
    show_text(tomli_w.dumps(table))
    cache = " but to the cache" if found else ""
    note(f"{size:,} characters of text would be used. Nothing was written{cache}.")


def _estimate(configuration: Configuration, texts: Texts, tokenizer: Tokenizer | None) -> Estimate:
    """Return what a run would take; a terminal shows how far this has come."""
    from textgen_core.cli.startup import import_tensorflow
    from textgen_core.cli.terminal import TerminalCallback
    from textgen_core.runs.cache import usable_cache

    usable_cache()
    import_tensorflow()
    from textgen_core.pipeline.estimating import estimate

    with closing(TerminalCallback(results=False)) as callback:
        return estimate(configuration, texts, callback.on_progress, tokenizer)
