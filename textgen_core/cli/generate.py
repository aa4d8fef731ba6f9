"""`textgen generate`: stream text from a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen_core.cli.escapes import holds_escapes, read_escapes
from textgen_core.cli.options import (
    Json,
    RunArgument,
    Runtime,
    Samplers,
    as_text,
    check_place,
    computing_here,
    open_for,
    text_or_stdin,
    warn_of_cache,
    warn_of_text,
    warn_of_unread_stdin,
)
from textgen_core.cli.output import print_json, show_text
from textgen_core.cli.startup import import_numpy
from textgen_core.errors import UsageError
from textgen_core.formatting import expand_home

if TYPE_CHECKING:
    from textgen_core.generation import Generation, PieceStream
    from textgen_core.pipeline.opened_run import Run

ALTERNATIVES = 10  # tokens that a trace shows at each step


def generate(
    run: RunArgument = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|-",
            help="What the text starts from, - for stdin; default: the run's own prompt.",
        ),
    ] = None,
    sampler: Samplers = None,
    samples: Annotated[
        int, typer.Option(metavar="N", min=1, max=100_000, help="How many texts.")
    ] = 1,
    max_new_tokens: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="New tokens in a text, at most.")
    ] = None,
    stop: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Stop before this text; may be repeated."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Another seed writes another text.")
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="One sampler with several values, side by side: temperature:t=0.5..1.5/5.",
        ),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=expand_home,
            help="Write what there was to choose from at each token, as JSON.",
        ),
    ] = None,
    runtime: Runtime = "auto",
    as_json: Json = False,
    no_stream: Annotated[
        bool, typer.Option("--no-stream", help="Print the text when it is whole.")
    ] = False,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Write in turns with the model, line by line.")
    ] = False,
) -> None:
    """Write text with a trained run, and show it as it comes."""
    if interactive:
        _check_interactive(
            {
                "--samples": samples != 1,
                "--sweep": sweep is not None,
                "--trace": trace is not None,
                "--json": as_json,
                "--no-stream": no_stream,
                "--prompt -": prompt == "-",
            }
        )
    else:
        warn_of_unread_stdin([prompt or ""])
    if sweep is not None and trace is not None:
        raise UsageError(
            "--sweep and --trace do not go together.",
            "Allowed: a trace of one setting, with --sampler.",
        )
    if trace is not None:
        check_place(trace, "The trace")
    import_numpy()
    computing = computing_here(runtime, short_texts=sweep is None)
    opened = open_for(run, *([] if sampler or sweep else ["sampler"]), computing=computing)
    in_text = holds_escapes(opened)
    if prompt is None:
        start = opened.configuration.generation.prompt
    else:
        start = text_or_stdin(prompt)
        if prompt != "-":
            start = read_escapes(start, "--prompt", in_text=in_text)
    options: dict[str, Any] = {
        "max_new_tokens": max_new_tokens,
        "seed": opened.configuration.seed if seed is None else seed,
        "stop": [read_escapes(as_text(each), "--stop", in_text=in_text) for each in stop or ()],
    }
    if interactive:
        _write_in_turns(opened, start, sampler, options, has_escapes=not in_text)
        return
    if sweep is not None:
        settings = opened.sweep(sweep, start, sampler=sampler, samples=samples, **options)
        given = {"prompt": start, "seed": options["seed"], "sweep": sweep}
        is_interrupted = _show_sweep(settings, given, as_json=as_json)
    else:
        pieces = opened.stream(
            [start] * samples,
            sampler=sampler or None,
            alternatives=0 if trace is None else ALTERNATIVES,
            compile="auto",
            **options,
        )
        warn_of_text(pieces.unknown_characters, pieces.notes, "prompt")
        start = pieces.prompts[0]
        is_streamed = samples == 1 and not no_stream and not as_json
        is_interrupted = _take(pieces, start if is_streamed else None)
        generation = pieces.generation()
        if as_json:
            print_json({"prompt": start, "seed": options["seed"], **_as_json(generation)})
        elif not is_streamed:
            texts = [f"{start}{sample.text}\n" for sample in generation.samples]
            show_text(f"\n{'-' * 8}\n\n".join(texts))
        if trace is not None and generation.trace is not None:
            from textgen_core.generation.trace import save_trace

            save_trace(generation.trace, trace)
    warn_of_cache()
    if is_interrupted:
        raise typer.Exit(130)


def _check_interactive(given: Mapping[str, bool]) -> None:
    """Raise UsageError if an option was given that a text written in turns has no use for."""
    if others := [name for name, is_given in given.items() if is_given]:
        raise UsageError(
            f"--interactive and {' '.join(others)} do not go together.",
            "Allowed beside it: --prompt TEXT, --sampler, --max-new-tokens, --seed, --stop and "
            "--runtime.",
        )


def _write_in_turns(
    opened: Run,
    start: str,
    sampler: list[str] | None,
    options: dict[str, Any],
    *,
    has_escapes: bool,
) -> None:
    from textgen_core.cli.interactive import Session
    from textgen_core.cli.typed_lines import TypedLines
    from textgen_core.pipeline.draft import Draft

    length = options.pop("max_new_tokens") or opened.configuration.generation.max_new_tokens
    draft = Draft(opened, start, sampler=sampler or None, max_new_tokens=length, **options)
    draft.prepare()
    if code := Session(draft, TypedLines(), has_escapes=has_escapes).run():
        raise typer.Exit(code)


def _show_sweep(
    settings: Iterator[tuple[Any, Generation]], given: Mapping[str, Any], *, as_json: bool
) -> bool:
    """Print what each setting wrote, and return whether Ctrl-C cut it short."""
    written: list[Generation] = []
    is_interrupted = False
    try:
        for _, generation in settings:
            written.append(generation)
    except KeyboardInterrupt:  # the settings that were written by then are shown all the same
        if not written:
            raise
        is_interrupted = True
    warn_of_text(written[0].unknown_characters, written[0].notes, "prompt")
    prompt = written[0].samples[0].prompt
    if as_json:
        print_json({**given, "prompt": prompt, "settings": [_as_json(each) for each in written]})
    else:
        _show_table(written, prompt)
    return is_interrupted


def _take(pieces: PieceStream, prompt: str | None) -> bool:
    """Write to the end, shown as it comes after a prompt; return whether Ctrl-C cut it short."""
    shown = prompt is not None
    try:
        show_text(prompt or "")
        for piece in pieces:
            show_text(piece.text if shown else "")
    except KeyboardInterrupt:  # what was written by then is shown all the same
        return True
    finally:
        show_text("\n" if shown else "")
    return False


def _show_table(written: Sequence[Generation], prompt: str) -> None:
    """Print a row for each text, with its chain and the model's mean surprisal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from textgen_core.cli.console import stdout

    table = Table(show_lines=True, box=box.SIMPLE_HEAD if stdout().is_terminal else None)
    table.add_column("samplers")
    table.add_column("nats a token", justify="right")
    table.add_column("text", ratio=1)
    for generation in written:
        for sample in generation.samples:
            losses = [-each for each in sample.log_probabilities]
            surprise = f"{sum(losses) / len(losses):.2f}" if losses else ""
            text = Text(prompt + sample.text)
            table.add_row(Text(" ".join(generation.samplers)), surprise, text)
    stdout().print(table)


def _as_json(generation: Generation) -> dict[str, Any]:
    """Return the chain, the texts and the figures of a generation."""
    return {
        "samplers": list(generation.samplers),
        "samples": [
            {
                "text": sample.text,
                "token_ids": list(sample.token_ids),
                "log_probabilities": list(sample.log_probabilities),
            }
            for sample in generation.samples
        ],
        "tokens_per_second": generation.tokens_per_second,
        "compile_seconds": generation.compile_seconds,
        "seconds_to_first_token": generation.seconds_to_first_token,
    }
