"""Attention as a grid of shades: a row for each token, a column for each that it looks at."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import attrs
import numpy as np
from rich.console import Console
from rich.text import Text

from textgen_core.cli.characters import has_blocks, label, label_width, shade
from textgen_core.cli.terminal import stdout
from textgen_core.explore.words import quoted

if TYPE_CHECKING:
    from textgen_core.explore.results import Attention

# Shares at which the next shade begins, for as many tokens; more of them share less each.
LEVELS, OF_TOKENS = (0.05, 0.15, 0.35, 0.65), 16
_COLOUR = "cyan"
_SIDE = 30  # cells for what a row looks at most, where there is room


@attrs.frozen(kw_only=True)
class _Grid:
    """The part of a map that a terminal has room for: `first` is its first token, from 0."""

    tokens: tuple[str, ...]
    shares: np.ndarray = attrs.field(eq=False)  # (time, time)
    levels: tuple[float, ...]
    first: int
    label: int
    cell: int
    side: int


def show_attention(found: Attention, layer: int | None = None, head: int | None = None) -> None:
    """Print the grid of a layer and a head, from 1; None: the last layer, the mean of its heads."""
    console = stdout()
    number = found.layers if layer is None else layer
    of_layer = found.shares[number - 1]
    shares = of_layer.mean(axis=0) if head is None else of_layer[head - 1]
    what = f"the mean of {found.heads} heads" if head is None else f"head {head} of {found.heads}"
    console.print(Text(f"What each token looks at: layer {number} of {found.layers}, {what}."))
    grid = _fit(tuple(quoted(each) for each in found.tokens), shares, console)
    if grid.first:
        shown = len(grid.tokens) - grid.first
        console.print(
            Text(f"  The last {shown} of {len(grid.tokens)} tokens; --out FILE shows all.")
        )
    for line in (*_header(grid), *_rows(grid, has_blocks(console))):
        console.print(line)
    console.print(_legend(grid.levels, has_blocks(console)))


def _fit(tokens: tuple[str, ...], shares: np.ndarray, console: Console) -> _Grid:
    """Return as much of a map as fits into the console's width."""
    width = label_width(tokens, console.width // 4)
    number = len(str(len(tokens)))
    room = max(1, console.width - number - width - 4)
    shown = min(len(tokens), room)
    cell = 2 if 2 * shown <= room else 1
    left = room - cell * shown - 2
    return _Grid(
        tokens=tokens,
        shares=shares,
        levels=tuple(each * min(1.0, OF_TOKENS / len(tokens)) for each in LEVELS),
        first=len(tokens) - shown,
        label=width,
        cell=cell,
        side=min(_SIDE, left) if left >= 12 else 0,
    )


def _header(grid: _Grid) -> list[Text]:
    """Return the columns' numbers, a line for each digit, from the highest."""
    numbers = range(grid.first + 1, len(grid.tokens) + 1)
    digits = len(str(len(grid.tokens)))
    before = " " * (digits + grid.label + 4)
    return [
        Text(before + "".join(str(each).rjust(digits)[place].ljust(grid.cell) for each in numbers))
        for place in range(digits)
    ]


def _rows(grid: _Grid, blocks: bool) -> list[Text]:
    lines, digits = [], len(str(len(grid.tokens)))
    for number in range(grid.first, len(grid.tokens)):
        row = grid.shares[number]
        line = Text(f"  {number + 1:>{digits}} {label(grid.tokens[number], grid.label)} ")
        shown = row[grid.first : number + 1]
        cells = "".join(
            shade(float(each), grid.levels, blocks=blocks) * grid.cell for each in shown
        )
        line.append(cells, style=_COLOUR)
        if grid.side:
            rest = grid.cell * (len(grid.tokens) - 1 - number)
            line.append(" " * rest + "  " + _most(grid, row[: number + 1]), style="dim")
        lines.append(line)
    return lines


def _most(grid: _Grid, row: np.ndarray) -> str:
    """Return the token that a row looks at most, and how much."""
    best = int(row.argmax())
    return label(f"{100 * row[best]:3.0f} % {best + 1} {grid.tokens[best]}", grid.side).rstrip()


def _legend(levels: tuple[float, ...], blocks: bool) -> Text:
    bounds = [f"{100 * each:.2g}" for each in levels]
    words = [
        f"under {bounds[0]} %",
        *(f"{low} to {high}" for low, high in itertools.pairwise(bounds)),
        f"{bounds[-1]} and more",
    ]
    legend = Text("  ")
    for level, text in zip((0.0, *levels), words, strict=True):
        legend.append(shade(level, levels, blocks=blocks) * 2, style=_COLOUR)
        legend.append(f" {text}   ", style="dim")
    legend.rstrip()
    return legend
