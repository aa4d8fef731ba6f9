"""What was found in a model, as bars and shades on a terminal or as plain lines in a pipe.

Attention is a grid: a row for each token, with a column for each that it looks at.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from textgen_core.cli.console import Console, stdout
from textgen_core.explore.results import Analogy, Attention, Neighbour, Neighbours, NextToken
from textgen_core.explore.words import Word, quoted

if TYPE_CHECKING:
    import numpy as np

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SHADES = "·░▒▓█"
_PLAIN_SHADES = ".-+*#"  # for an encoding without blocks
_COLOUR = "cyan"
_LONGEST_BAR = 30  # cells
_NUMBER = 7  # cells of a share, such as 100.0 %
_GAP = 2
# Shares at which the next shade begins, for as many tokens; more of them share less each.
LEVELS, OF_TOKENS = (0.05, 0.15, 0.35, 0.65), 16
_SIDE = 30  # cells for what a row looks at most, where there is room


def show(found: Neighbours | Analogy | NextToken) -> None:
    """Print what was found."""
    if isinstance(found, Neighbours):
        show_neighbours(found)
    elif isinstance(found, Analogy):
        show_analogy(found)
    else:
        show_temperatures(found)


def show_neighbours(found: Neighbours) -> None:
    """Print the tokens near a word, with a bar for each similarity."""
    console = stdout()
    console.print(Text(f"The tokens nearest to {quoted(found.word.text)}, by the cosine:"))
    _show_words([found.word])
    _show_similarities(found.neighbours)


def show_analogy(found: Analogy) -> None:
    """Print what fits best in the place of the fourth word."""
    console = stdout()
    first, second, third = (quoted(each.text) for each in found.words)
    console.print(Text(f"{first} is to {second} as {third} is to:"))
    _show_words(found.words)
    _show_similarities(found.answers)
    advice = "  Small models rarely get this right: it takes more text than they have read."
    console.print(Text(advice, style="dim"))


def _show_words(words: Sequence[Word]) -> None:
    """Say which tokens were taken for a word, where that is not plain."""
    for word in words:
        tokens = " ".join(quoted(each) for each in word.tokens)
        place = " after a space" if word.after_space else ""
        line = ""
        if len(word.tokens) > 1:
            line = f"{quoted(word.text)}{place} is {len(word.tokens)} tokens, {tokens}: their mean"
        elif word.after_space:
            line = f"{quoted(word.text)} as it stands after a space: {tokens}"
        if line:
            stdout().print(Text(f"  {line}", style="dim"))
    if any(word.of_pieces and len(word.text.strip()) > 1 for word in words):
        advice = "The tokens of this run are pieces of words; for whole ones, train with"
        stdout().print(Text(f"  {advice} --tokenizer word.", style="dim"))


def _show_similarities(found: Sequence[Neighbour]) -> None:
    console = stdout()
    blocks = has_blocks(console)
    names = [quoted(each.token) for each in found]
    width = label_width(names, max(8, console.width // 2))
    room = max(0, min(_LONGEST_BAR, console.width - width - 11))
    for name, each in zip(names, found, strict=True):
        line = Text(f"  {label(name, width)} {each.similarity:6.3f}  ")
        line.append(bar(each.similarity, room, blocks=blocks).rstrip(), style=_COLOUR)
        line.rstrip()
        console.print(line)


def show_temperatures(found: NextToken) -> None:
    """Print the likely next tokens, with a column of bars for each temperature."""
    console = stdout()
    columns = found.temperatures
    names = [quoted(each.token) for each in columns[0].tokens]
    heads = ("temperature", "all others", "entropy", "choices")
    width = label_width([*names, *heads], max(len(heads[0]), console.width // 4))
    room = (console.width - width - 2) // len(columns) - _GAP
    console.print(_row(label(heads[0], width), [f"{each.temperature:g}" for each in columns], room))
    longest = max(each.probability for at in columns for each in at.tokens)
    for number, name in enumerate(names):
        shares = [each.tokens[number].probability for each in columns]
        console.print(_bars(label(name, width), shares, longest, room))
    others = [max(0.0, 1 - sum(each.probability for each in at.tokens)) for at in columns]
    rows = (
        [f"{100 * each:5.1f} %" for each in others],
        [f"{each.entropy:.2f} bits" for each in columns],
        [f"{each.choices:,.1f}" for each in columns],
    )
    for name, values in zip(heads[1:], rows, strict=True):
        console.print(_row(label(name, width), values, room))
    explanation = "among so many equally probable tokens the choice would be as open"
    console.print(Text(f"  Choices: {explanation} (2 to the entropy).", style="dim"))


def _row(name: str, values: Sequence[str], room: int) -> Text:
    line = Text(f"  {name}")
    for value in values:
        line.append(" " * _GAP + value.ljust(max(_NUMBER, room)))
    line.rstrip()
    return line


def _bars(name: str, shares: Sequence[float], longest: float, room: int) -> Text:
    """Return a token's row: the bars of all columns are of one scale, `longest` fills the room."""
    line = Text(f"  {name}")
    blocks = has_blocks(stdout())
    size = max(0, min(_LONGEST_BAR, room - _NUMBER - 1))
    for share in shares:
        line.append(" " * _GAP + f"{100 * share:5.1f} % ")
        line.append(bar(share / longest, size, blocks=blocks), style=_COLOUR)
        line.append(" " * max(0, room - _NUMBER - 1 - size))
    line.rstrip()
    return line


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
        line = f"  The last {shown} of {len(grid.tokens)} tokens; --out FILE shows all."
        console.print(Text(line))
    blocks = has_blocks(console)
    for each in (*_header(grid), *_rows(grid, blocks), _legend(grid.levels, blocks)):
        console.print(each)


@attrs.frozen(kw_only=True, eq=False)
class _Grid:
    """The part of a map that a terminal has room for: `first` is its first token, from 0."""

    tokens: tuple[str, ...]
    shares: np.ndarray  # (time, time)
    levels: tuple[float, ...]
    first: int
    label: int
    cell: int
    side: int


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
        shares = row[grid.first : number + 1]
        cells = [shade(float(each), grid.levels, blocks=blocks) * grid.cell for each in shares]
        line.append("".join(cells), style=_COLOUR)
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


def has_blocks(console: Console) -> bool:
    """Return whether the output's encoding has block characters."""
    try:
        (_EIGHTHS + _SHADES).encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def bar(share: float, width: int, *, blocks: bool = True) -> str:
    """Return a bar for a share, clipped to 0 to 1, padded to `width` cells."""
    eighths = round(8 * width * min(1.0, max(0.0, share)))
    whole, rest = divmod(eighths, 8)
    if not blocks:
        return ("#" * round(eighths / 8)).ljust(width)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


def shade(share: float, levels: Sequence[float], *, blocks: bool = True) -> str:
    """Return the shade of a share: the lightest below levels[0], the darkest from levels[3]."""
    shades = _SHADES if blocks else _PLAIN_SHADES
    return shades[sum(share >= level for level in levels)]


def label(text: str, width: int, *, right: bool = False) -> str:
    """Return a text cut or padded to `width` cells; `right` pads it on the left."""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, max(0, width - 1)) + "~" * min(1, width)
    return " " * (width - size) + text if right else text + " " * (width - size)


def label_width(texts: Sequence[str], most: int) -> int:
    """Return the width of the longest text in cells, between 4 and `most`."""
    return max(4, min(most, max((cell_len(each) for each in texts), default=0)))
