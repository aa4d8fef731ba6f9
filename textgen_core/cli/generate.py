"""`textgen generate`: stream text from a run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen_core.cli.options import Json, RunArgument, Samplers, print_json, warn_of_unread_stdin

if TYPE_CHECKING:
    from textgen_core.generation.piece_stream import Generation, PieceStream


def generate(
    run: RunArgument = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|-",
            help="What the text starts from, - for stdin; default: the run's own prompt.",
            show_default=False,
        ),
    ] = None,
    sampler: Samplers = None,
    samples: Annotated[int, typer.Option(metavar="N", min=1, help="How many texts.")] = 1,
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
    as_json: Json = False,
    no_stream: Annotated[
        bool, typer.Option("--no-stream", help="Print the text when it is whole.")
    ] = False,
) -> None:
    """Write text with a trained run, and show it as it comes."""
    from textgen_core.cli.opening import open_for

    warn_of_unread_stdin([prompt or ""])
    opened = open_for(run)
    start = opened.configuration.generation.prompt if prompt is None else prompt
    if start == "-":
        start = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    chain = opened.samplers(sampler or None)
    used = opened.configuration.seed if seed is None else seed
    pieces = opened.stream(
        [start] * samples,
        sampler=[each.instance for each in chain],
        max_new_tokens=max_new_tokens,
        seed=used,
        stop=stop or (),
    )
    _warn_of_unknown(pieces)
    if as_json:
        for _ in pieces:
            pass
        print_json(_as_json(pieces.generation(), start, used, [each.label for each in chain]))
    elif samples == 1 and not no_stream:
        _show_pieces(pieces, start)
    else:
        _show_whole(pieces, start)


def _show_pieces(pieces: PieceStream, prompt: str) -> None:
    from textgen_core.cli.terminal import harmless

    sys.stdout.write(harmless(prompt))
    for piece in pieces:
        sys.stdout.write(harmless(piece.text))
        sys.stdout.flush()
    sys.stdout.write("\n")


def _show_whole(pieces: PieceStream, prompt: str) -> None:
    from textgen_core.cli.terminal import harmless

    for _ in pieces:
        pass
    for number, sample in enumerate(pieces.generation().samples):
        if number:
            sys.stdout.write("\n" + "-" * 8 + "\n\n")
        sys.stdout.write(harmless(prompt + sample.text) + "\n")


def _warn_of_unknown(pieces: PieceStream) -> None:
    from textgen_core.cli.options import warn

    unknown = pieces.unknown_characters
    if unknown:
        shown = " ".join(unknown[:20])
        warn(f"The tokenizer has never seen these of the prompt: {shown}")


def _as_json(
    generation: Generation, prompt: str, seed: int, samplers: Sequence[str]
) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "seed": seed,
        "samplers": list(samplers),
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
