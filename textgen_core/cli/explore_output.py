"""What was found in a model, as bars on a terminal or as plain lines in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from textgen_core.cli.characters import bar, has_blocks, label, label_width
from textgen_core.cli.terminal import stdout
from textgen_core.explore.results import Analogy, AtTemperature, Neighbour, Neighbours, NextToken
from textgen_core.explore.words import Word, quoted

_LONGEST_BAR = 30  # cells
_COLOUR = "cyan"
_NUMBER = 7  # cells of a share, such as 100.0 %
_GAP = 2


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
    console.print(
        Text(
            "  Small models rarely get this right: it takes more text than they have read.",
            style="dim",
        )
    )


def _show_words(words: Sequence[Word]) -> None:
    """Say which tokens were taken for a word, where that is not plain."""
    for word in words:
        tokens = " ".join(quoted(each) for each in word.tokens)
        place = " after a space" if word.after_space else ""
        if len(word.tokens) > 1:
            count = len(word.tokens)
            line = f"  {quoted(word.text)}{place} is {count} tokens, {tokens}: their mean"
        elif word.after_space:
            line = f"  {quoted(word.text)} as it stands after a space: {tokens}"
        else:
            continue
        stdout().print(Text(line, style="dim"))


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
    _show_openness(columns, width, room)


def _show_openness(columns: Sequence[AtTemperature], width: int, room: int) -> None:
    console = stdout()
    others = [max(0.0, 1 - sum(each.probability for each in at.tokens)) for at in columns]
    shares = [f"{100 * each:5.1f} %" for each in others]
    console.print(_row(label("all others", width), shares, room))
    entropies = [f"{each.entropy:.2f} bits" for each in columns]
    choices = [f"{each.choices:,.1f}" for each in columns]
    console.print(_row(label("entropy", width), entropies, room))
    console.print(_row(label("choices", width), choices, room))
    console.print(
        Text(
            "  Choices: among so many equally probable tokens the choice would be as open "
            "(2 to the entropy).",
            style="dim",
        )
    )


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
