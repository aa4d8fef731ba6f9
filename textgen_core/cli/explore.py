"""`textgen explore`: neighbours, analogies, attention, temperature: concepts made visible."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from textgen_core.cli.completing import complete_run_or
from textgen_core.cli.options import (
    RUN_HELP,
    Json,
    Runtime,
    as_text,
    check_place,
    computing_here,
    open_for,
    text_or_stdin,
    warn_of_text,
)
from textgen_core.cli.output import note, print_json, warn
from textgen_core.errors import UsageError
from textgen_core.explore.checks import check_ending, check_temperature
from textgen_core.formatting import expand_home

if TYPE_CHECKING:
    from textgen_core.explore.results import Analogy, Attention, Neighbours, NextToken

MOST_TEMPERATURES = 6  # columns of a table

Text = Annotated[str, typer.Argument(metavar="TEXT|-", help="A text, - for stdin.")]
Count = Annotated[int, typer.Option(metavar="N", min=1, help="How many tokens to show.")]


class RunFirst(TyperGroup):
    """A group whose first word is a run, unless it is the name of one of its commands."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        """Put an empty word in the place of a run that is not named."""
        if args and not args[0].startswith("-") and not context.resilient_parsing:
            if args[0] in self.commands:
                args = ["", *args]
            elif not set(args[1:2]) & {*self.commands, "-h", "--help"}:
                raise _unknown(args[:2], list(self.commands))
        return super().parse_args(context, args)


app = typer.Typer(
    cls=RunFirst,
    help="Look into a model: what is near a word, what attends to what, what a temperature does.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _run(
    context: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help=RUN_HELP,
            autocompletion=complete_run_or("neighbours", "analogy", "attention", "temperature"),
        ),
    ] = None,
) -> None:
    context.obj = run or None


@app.command("neighbours")
def neighbours(
    context: typer.Context,
    word: Annotated[str, typer.Argument(metavar="WORD", help="A word.")],
    count: Count = 10,
    as_json: Json = False,
) -> None:
    """Show the tokens nearest to a word.

    Near is the cosine of the angle between two rows of the model's input embeddings. A word of
    several tokens lies at the mean of theirs.
    """
    found = open_for(context.obj).explore.neighbours(as_text(word), count)
    warn_of_text((), _cleaned(found.word.notes, "word"), "word")
    _show(found, as_json=as_json)


@app.command("analogy")
def analogy(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="A word.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What A is to.")],
    c: Annotated[str, typer.Argument(metavar="C", help="Another word.")],
    count: Count = 10,
    as_json: Json = False,
) -> None:
    """Show what fits: A is to B as C is to what?

    The tokens nearest to B - A + C in the embeddings. Small models rarely get this right.
    """
    found = open_for(context.obj).explore.analogy(as_text(a), as_text(b), as_text(c), count)
    notes = dict.fromkeys(each for word in found.words for each in word.notes)
    warn_of_text((), _cleaned(list(notes), "word"), "words")
    _show(found, as_json=as_json)


@app.command("attention")
def attention(
    context: typer.Context,
    text: Text,
    layer: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="A layer, from 1; default: the last.")
    ] = None,
    head: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="A head, from 1; default: the mean of all."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=expand_home,
            help="Write a picture of all layers and heads: .svg or .html.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what each token of a text looks at.

    For a model with attention: a grid of a layer and a head in the terminal, and with --out a
    picture of all of them.
    """
    if out is not None:
        check_ending(out)
        check_place(out, "The picture")
    found = open_for(context.obj).explore.attention(text_or_stdin(text))
    _check_number("layer", layer, found.layers)
    _check_number("head", head, found.heads)
    _warn_of(found, "attends to")
    if out is not None:
        from textgen_core.explore.picture import write_picture

        write_picture(found, out)
        note(f"Written to {out}")
    if as_json:
        print_json(found.as_json([layer] if layer else None, [head] if head else None))
    else:
        from textgen_core.cli.explore_output import show_attention

        show_attention(found, layer, head)


@app.command("temperature")
def temperature(
    context: typer.Context,
    text: Text,
    temperatures: Annotated[
        str, typer.Option(metavar="T,T,...", help="The temperatures, 1 being the model's own.")
    ] = "0.5,1,1.5",
    count: Count = 10,
    runtime: Runtime = "auto",
    as_json: Json = False,
) -> None:
    """Show what may come next at several temperatures.

    The model's distribution of the next token after the text, side by side, with its entropy.
    """
    wanted = read_temperatures(temperatures)
    explore = open_for(context.obj, computing=computing_here(runtime)).explore
    found = explore.temperature(text_or_stdin(text), wanted, count)
    _warn_of(found, "looks at")
    _show(found, as_json=as_json)


def read_temperatures(text: str) -> tuple[float, ...]:
    """Return the numbers of a list such as `0.5,1,2`; raises UsageError unless all can be used."""
    try:
        found = tuple(float(each) for each in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"--temperatures cannot be {as_text(text)!r}.",
            "Allowed: numbers with commas between them, such as 0.5,1,2.",
        ) from error
    if len(found) > MOST_TEMPERATURES:
        problem = f"--temperatures has {len(found)} numbers."
        raise UsageError(problem, f"Allowed: at most {MOST_TEMPERATURES}.")
    for each in found:
        check_temperature(each)
    return found


def _show(found: Neighbours | Analogy | NextToken, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_json())
    else:
        from textgen_core.cli.explore_output import show

        show(found)


def _unknown(words: Sequence[str], commands: Sequence[str]) -> UsageError:
    """Return the error for words of which none is a command."""
    shown = [repr(as_text(each)) for each in words]
    named = f"{shown[0]} does not say" if len(shown) == 1 else f"Neither {' nor '.join(shown)} says"
    near = [name for word in words for name in difflib.get_close_matches(word, commands, n=1)]
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return UsageError(
        f"{named} what to explore.{meant}",
        f"Allowed: {', '.join(commands)}, after a run where one is named.",
        "See: textgen explore --help",
    )


def _check_number(what: str, number: int | None, count: int) -> None:
    if number is not None and number > count:
        raise UsageError(f"The model has no {what} {number}.", f"Allowed: 1 to {count}.")


def _warn_of(found: Attention | NextToken, does: str) -> None:
    """Warn of what the model does not see of a text."""
    warn_of_text(found.unknown, _cleaned(found.notes, "text"), "text")
    if found.left_out:
        warn(
            f"The text is longer than what the model {does}: its first {found.left_out:,} "
            "tokens are left out."
        )


def _cleaned(notes: Sequence[str], what: str) -> list[str]:
    return [f"The {what} was cleaned as the corpus was. {each}" for each in notes]
