"""`textgen score`: how much every token of a text surprises a run's model."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgen_core.cli.options import Json, open_for, print_json
from textgen_core.errors import UsageError

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


def score(
    run_and_file: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN] FILE",
            help="A run, by default the newest, and the text to score, - for stdin.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show the surprisal of every token of a text, in colour on a terminal."""
    if len(run_and_file) > 2:
        raise UsageError(
            f"score takes a run and a file, not {len(run_and_file)} arguments.",
            "Allowed: textgen score RUN FILE.",
        )
    file, run = run_and_file[-1], run_and_file[0] if len(run_and_file) == 2 else None
    if run is None and (Path(file) / "run.toml").is_file():
        raise UsageError(f"{file} is a run.", "Allowed: a run, and then the text to score.")
    scored = open_for(run).score(file)
    if as_json:
        print_json(scored.as_json())
        return
    from textgen_core.cli.terminal import stdout

    console = stdout()
    if console.is_terminal:
        console.print(_coloured(scored))
        console.print(_legend())
    else:
        for token in scored.tokens:
            typer.echo(f"{token.bits:.2f}\t{json.dumps(token.text, ensure_ascii=False)}")
    found = scored.figures
    loss, rest = f"{found.loss:.3f} nats a token", f"{found.bits_per_byte:.3f} bits per byte"
    summary = f"{found.tokens:,} tokens: {loss}, perplexity {found.perplexity:,.1f}, {rest}"
    typer.echo(summary, err=True)


def _coloured(scored: ScoredText) -> Text:
    from rich.text import Text

    from textgen_core.cli.terminal import harmless
    from textgen_core.evaluation.surprisal import level_of

    shown = Text()
    for text, bits in scored.spans():
        # A background at the end of a line would run on to the terminal's border.
        for part in re.split("(\n)", harmless(text)):
            shown.append(part, style="" if part == "\n" else _STYLES[level_of(bits)])
    return shown


def _legend() -> Text:
    from rich.text import Text

    from textgen_core.evaluation.surprisal import LEVEL_NAMES

    legend = Text("\nsurprisal in bits: ", style="dim")
    for name, style in zip(LEVEL_NAMES, _STYLES, strict=True):
        legend.append(f" {name} ", style=style)
        legend.append(" ")
    return legend
