"""`textgen run`: from a corpus to a trained, scored and reported model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen_core.cli.completing import complete_recipe, complete_setting, complete_spec
from textgen_core.cli.options import (
    CorpusArgument,
    Json,
    Quiet,
    Samplers,
    discover_plugins,
    print_json,
    warn_of_unread_stdin,
)
from textgen_core.config.settings import help_of

if TYPE_CHECKING:
    from textgen_core.cli.terminal import TerminalCallback
    from textgen_core.config.resolve import Configuration
    from textgen_core.pipeline.opened_run import Run

_COMPONENTS = {
    "tokenizer": "The tokenizer, such as bpe:vocabulary_size=8000.",
    "model": "The model, such as lstm:units=512.",
    "metric": "A metric beside the bundled ones; may be repeated.",
    "tracker": "An experiment tracker; may be repeated.",
}
_REPEATED = ("metric", "tracker")
_SETTINGS = {  # the metavar of each flag that is a setting
    "epochs": "N",
    "minutes": "M",
    "batch_size": "N",
    "learning_rate": "RATE",
    "seed": "N",
    "split": "80,10,10",
    "validation": "FILE",
    "test": "FILE",
    "prompt": "TEXT",
}


def _flags() -> Iterator[inspect.Parameter]:
    """Yield the flags that are settings, as parameters for Typer; `configure` reads the values."""
    for kind, about in _COMPONENTS.items():
        value = list[str] | None if kind in _REPEATED else str | None
        option = typer.Option(metavar="SPEC", help=about, autocompletion=complete_spec(kind))
        yield _flag(kind, Annotated[value, option])
        if kind == "model":
            yield _flag("sampler", Samplers)
    for name, metavar in _SETTINGS.items():
        about = help_of(name)
        option = typer.Option(metavar=metavar, help=f"{about[0].upper()}{about[1:]}.")
        yield _flag(name, Annotated[str | None, option])


def _flag(name: str, annotation: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=None, annotation=annotation)


def _with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Show Typer the flags as parameters of the command, which takes them as `**arguments`."""
    signature = inspect.signature(command, eval_str=True)
    first, *others = [each for each in signature.parameters.values() if each.name != "arguments"]
    parameters = [first, *_flags(), *others]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


@_with_flags
def run(
    corpus: CorpusArgument = None,
    *,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="The recipe to start from; default: fast.",
            autocompletion=complete_recipe,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TOML file of settings.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="A setting; may be repeated.",
            autocompletion=complete_setting,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run directory; default: runs/<time>-<model>."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and show the configuration, and stop.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    **arguments: Any,
) -> None:
    """Train a model on a corpus, write with it, and score it: the five phases."""
    from textgen_core.config.resolve import configure
    from textgen_core.runs.directory import check_free

    warn_of_unread_stdin(corpus or [])
    given = {"corpus": corpus, **arguments}
    configuration = configure(
        {name: None if value == [] else value for name, value in given.items()},
        discover_plugins(),
        recipe=recipe,
        config=config,
        settings=settings or (),
        flags=True,
    )
    if out is not None:
        check_free(out)
    if dry_run:
        show_plan(configuration, as_json=as_json)
    else:
        start_run(configuration, out, as_json=as_json, quiet=quiet)


def start_run(
    configuration: Configuration, out: Path | None, *, as_json: bool, quiet: bool
) -> None:
    """Run the five phases, and end with the commands that follow."""
    from textgen_core.cli.startup import import_tensorflow
    from textgen_core.cli.terminal import TerminalCallback
    from textgen_core.corpus import read_texts

    texts = read_texts(configuration.corpus)
    import_tensorflow()
    from textgen_core.pipeline.api import start

    listener = TerminalCallback(results=not as_json, quiet=quiet)
    try:
        finished = start(configuration, texts=texts, out=out, callback=listener)
    finally:
        listener.close()
    show_end(finished, listener, as_json=as_json)


def show_end(run: Run, listener: TerminalCallback, *, as_json: bool) -> None:
    """Print the end of a run: the commands that follow, or the JSON value."""
    from textgen_core.runs.files import read_json, read_rows

    if not as_json:
        typer.echo(f"Write more:      textgen generate {run.directory}")
        typer.echo(f"Read the report: {run.directory}/report.html")
        typer.echo(f"Write it again:  textgen report {run.directory}")
        return
    evaluation = run.directory / "evaluation.json"
    texts = [row["text"] for row in read_rows(run.directory / "samples.jsonl")]
    print_json(
        {
            "run": str(run.directory),
            "step": run.step,
            "samples": texts[-run.configuration.generation.samples :],
            "evaluation": read_json(evaluation) if evaluation.is_file() else None,
            "report": str(run.directory / "report.html"),
            "warnings": listener.warnings,
        }
    )


def show_plan(configuration: Configuration, *, as_json: bool) -> None:
    """Print the resolved configuration, after the checks that need no TensorFlow."""
    import tomli_w

    from textgen_core.corpus import count_all_characters, read_texts

    table: dict[str, Any] = configuration.as_table()
    texts = read_texts(configuration.corpus)
    size = count_all_characters(texts.corpus.documents)
    if as_json:
        print_json({"configuration": table, "characters": size})
        return
    typer.echo(tomli_w.dumps(table), nl=False)
    typer.echo(f"{size:,} characters of text would be used. Nothing was written.", err=True)
