"""`textgen run`: the whole way, from a corpus to a trained, scored and reported model."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from textgen_core.cli.terminal import TerminalListener
    from textgen_core.config.resolve import Configuration
    from textgen_core.pipeline.opened_run import Run


def run(
    corpus: CorpusArgument = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="The tokenizer, such as bpe:vocabulary_size=8000.",
            autocompletion=complete_spec("tokenizer"),
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="The model, such as lstm:units=512.",
            autocompletion=complete_spec("model"),
        ),
    ] = None,
    sampler: Samplers = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="A metric beside the bundled ones; may be repeated.",
            autocompletion=complete_spec("metric"),
        ),
    ] = None,
    tracker: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="An experiment tracker; may be repeated.",
            autocompletion=complete_spec("tracker"),
        ),
    ] = None,
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
    epochs: Annotated[str | None, typer.Option(metavar="N", help="Passes over the text.")] = None,
    minutes: Annotated[
        str | None, typer.Option(metavar="M", help="Minutes to train, in place of epochs.")
    ] = None,
    batch_size: Annotated[str | None, typer.Option(metavar="N", help="Windows in a batch.")] = None,
    learning_rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="The highest learning rate.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option(metavar="N", help="Where all random numbers start.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="80,10,10", help="Percent for training, validation and test."),
    ] = None,
    validation: Annotated[
        str | None, typer.Option(metavar="FILE", help="A ready-made validation text.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="FILE", help="A ready-made test text.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the samples start from.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run directory; default: runs/<time>-<model>."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and show what would be done, and do not.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on a corpus, write with it, and score it: the five phases."""
    from textgen_core.config.resolve import configure

    warn_of_unread_stdin(corpus or [])
    configuration = configure(
        {
            "corpus": corpus or None,
            "tokenizer": tokenizer,
            "model": model,
            "sampler": sampler or None,
            "metric": metric or None,
            "tracker": tracker or None,
            "epochs": epochs,
            "minutes": minutes,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "seed": seed,
            "split": split,
            "validation": validation,
            "test": test,
            "prompt": prompt,
        },
        discover_plugins(),
        recipe=recipe,
        config=config,
        settings=settings or (),
        flags=True,
    )
    if dry_run:
        show_plan(configuration, out, as_json=as_json)
        return
    walk(configuration, out, as_json=as_json, quiet=quiet)


def walk(configuration: Configuration, out: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Do the run, and end with the commands that go on from it."""
    from textgen_core.cli.startup import import_tensorflow
    from textgen_core.cli.terminal import TerminalListener
    from textgen_core.corpus import read_texts
    from textgen_core.runs.directory import check_free

    if out is not None:
        check_free(out)
    texts = read_texts(configuration.corpus)
    import_tensorflow()
    from textgen_core.pipeline.api import start

    listener = TerminalListener(results=not as_json, quiet=quiet)
    try:
        finished = start(configuration, texts=texts, out=out, listener=listener)
    finally:
        listener.close()
    show_end(finished, listener, as_json=as_json)


def show_end(run: Run, listener: TerminalListener, *, as_json: bool) -> None:
    """Print the end of a run: the commands that go on, or the JSON value."""
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


def show_plan(configuration: Configuration, out: Path | None, *, as_json: bool) -> None:
    """Print the resolved configuration, after the checks that need no TensorFlow."""
    import tomli_w

    from textgen_core.corpus import read_texts
    from textgen_core.corpus.reading.stored import count_all_characters
    from textgen_core.runs.directory import check_free

    if out is not None:
        check_free(out)
    table: dict[str, Any] = configuration.as_table()
    texts = read_texts(configuration.corpus)
    size = count_all_characters(texts.corpus.documents)
    if as_json:
        print_json({"configuration": table, "characters": size})
        return
    typer.echo(tomli_w.dumps(table), nl=False)
    typer.echo(f"{size:,} characters of text would be used. Nothing was written.", err=True)
