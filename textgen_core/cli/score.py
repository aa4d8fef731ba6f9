"""`textgen score`: how much every token of a text surprises a run's model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from textgen_core.cli.options import (
    Json,
    Runtime,
    announce_stdin,
    computing_here,
    open_for,
    warn_of_cache,
)
from textgen_core.cli.output import note, print_json, show_json_row
from textgen_core.errors import UsageError
from textgen_core.formatting import expand_home

if TYPE_CHECKING:
    from rich.text import Text

    from textgen_core.evaluation.surprisal import ScoredText

# One style for each level of the scale in evaluation/surprisal.py: steps of lightness, so that they
# are told apart without seeing colours (after ColorBrewer's oranges), and five colours where there
# are sixteen; the last stands out from a black terminal too.
_STYLES = (
    "",
    "black on #fff7bc",
    "black on #fec44f",
    "black on #ec7014",
    "white on #cc4c02",
    "bold white on #7f2704",
)
# The same scale for a terminal without colours.
_PLAIN_STYLES = ("", "underline", "bold", "bold underline", "reverse", "bold underline reverse")


def score(
    run_and_file: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN] FILE",
            help="A run, by default the newest, and the text to score, - for stdin.",
        ),
    ],
    runtime: Runtime = "auto",
    as_json: Json = False,
) -> None:
    """Show the surprisal of every token of a text, in colour on a terminal."""
    if len(run_and_file) > 2:
        raise UsageError(
            f"score takes a run and a file, not {len(run_and_file)} arguments.",
            "Allowed: textgen score RUN FILE.",
        )
    file, run = run_and_file[-1], run_and_file[0] if len(run_and_file) == 2 else None
    if run is None and (expand_home(file) / "run.toml").is_file():
        raise UsageError(f"{file} is a run.", "Allowed: a run, and then the text to score.")
    announce_stdin(file)
    scored = open_for(run, computing=computing_here(runtime)).score(file=file)
    warn_of_cache()
    for each in scored.notes:
        note(each)
    if as_json:
        print_json(scored.as_json())
        return
    from textgen_core.cli.console import stdout

    console = stdout()
    if console.color_system is not None:  # a terminal, and one that can mark a text
        styles = _PLAIN_STYLES if console.no_color else _STYLES
        console.print(_marked(scored, styles))
        console.print(_legend(styles))
    else:
        for token in scored.tokens:
            show_json_row(f"{token.bits:.2f}", token.text)
    found = scored.figures
    loss, rest = f"{found.loss:.3f} nats a token", f"{found.bits_per_byte:.3f} bits per byte"
    summary = f"{found.tokens:,} tokens: {loss}, perplexity {found.perplexity:,.1f}, {rest}"
    note(summary)


def _marked(scored: ScoredText, styles: Sequence[str]) -> Text:
    from rich.text import Text

    from textgen_core.evaluation.surprisal import level_of

    shown = Text()
    for text, bits in scored.spans():
        # A background at the end of a line would run on to the terminal's border.
        for part in re.split("(\n)", text):
            shown.append(part, style="" if part == "\n" else styles[level_of(bits)])
    return shown


def _legend(styles: Sequence[str]) -> Text:
    from rich.text import Text

    from textgen_core.evaluation.surprisal import LEVEL_NAMES

    legend = Text("\nsurprisal in bits: ", style="dim")
    for name, style in zip(LEVEL_NAMES, styles, strict=True):
        legend.append(f" {name} ", style=style)
        legend.append(" ")
    return legend
