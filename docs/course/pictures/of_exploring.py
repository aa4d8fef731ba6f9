"""The pictures of what one sees in a trained model: a text's surprise, and temperatures.

They are drawn from what `textgen score --json` and `textgen explore ... temperature --json` print.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from pictures.diagrams import add_text
from pictures.sheet import MARGIN, WIDTH, Say, Sources, finish_sheet, start_sheet

from textgen_core.evaluation.surprisal import LIMITS, level_of
from textgen_core.report.charts.svg import add

LETTER, LINE = 9.0, 30  # pixels: the width of a letter, the height of a line
BOX = 22  # pixels: the height of a token's ground
LEGEND = 104  # pixels from one class of the legend to the next
ROW = 26  # pixels: a token's row of bars
NAMES = 84  # pixels for the tokens' names
# From ColorBrewer's YlOrBr, light enough for dark letters; s0 stays without.
GROUNDS = {"s1": "#fff3c4", "s2": "#fee391", "s3": "#fec44f", "s4": "#fe9929", "s5": "#f0804a"}


def draw_attention(sources: Sources, say: Say) -> str:
    """Return the picture of `textgen explore ... attention --out` as it is."""
    del say  # it names layers, heads and tokens
    return (sources.folder / "attention.svg").read_text(encoding="utf-8")


def draw_surprise(sources: Sources, say: Say) -> str:
    """Return a text with each token on a ground that tells how much it surprised the model."""
    tokens = [
        (each.text("text") or "", _bits(each.number("loss")))
        for each in sources.explored("score").tables("scored")
    ]
    placed = list(_places(tokens))
    lines = 1 + max(line for _, _, line, _ in placed)
    sheet = start_sheet(lines * LINE + 2 * MARGIN + 44, say("How much each token surprises"))
    for text, column, line, bits in placed:
        x, y = MARGIN + column * LETTER, MARGIN + 8 + line * LINE
        _add_token(sheet, (x, y), text, bits)
    _add_legend(sheet, MARGIN + 24 + lines * LINE, say)
    return finish_sheet(sheet)


def _bits(nats: float | None) -> float | None:
    return None if nats is None else nats / math.log(2)


def _places(
    tokens: list[tuple[str, float | None]],
) -> Iterator[tuple[str, int, int, float | None]]:
    """Yield the text, column, line and bits of each token; a newline is shown as a sign."""
    column = line = 0
    for text, bits in tokens:
        shown = text.replace("\n", "↵")
        yield shown, column, line, bits
        column += len(shown)
        if "\n" in text:
            column, line = 0, line + 1


def _add_token(sheet: Element, place: tuple[float, float], text: str, bits: float | None) -> None:
    x, y = place
    width = len(text) * LETTER
    ground = "none" if bits is None else GROUNDS.get(f"s{level_of(bits)}", "none")
    box = {"x": f"{x + 0.5:g}", "y": f"{y - BOX / 2:g}", "width": f"{width - 1:g}"}
    group = add(sheet, "g", {})
    if bits is not None:
        add(group, "title", {}, f"{bits:.2f} bits")
    add(group, "rect", {**box, "height": str(BOX), "rx": "2", "fill": ground})
    letters = text.strip(" ")
    if letters:
        start = x + (len(text) - len(text.lstrip(" "))) * LETTER
        written = {"class": "mono", "x": f"{start:g}", "y": f"{y:g}", "dy": "0.35em"}
        # A reader's font may be wider: the letters keep to their ground.
        length = {"textLength": f"{len(letters) * LETTER:g}", "lengthAdjust": "spacingAndGlyphs"}
        add(group, "text", {**written, **length}, letters)


def _add_legend(sheet: Element, y: float, say: Say) -> None:
    bounds = itertools.pairwise(LIMITS)
    words = [f"{say('under')} {LIMITS[0]}", *(f"{low}–{high}" for low, high in bounds)]
    words.append(f"{say('over')} {LIMITS[-1]} bits")
    for number, each in enumerate(words):
        x = MARGIN + number * LEGEND
        box = {"x": f"{x:g}", "y": f"{y - 8:g}", "width": "16", "height": "16", "rx": "2"}
        ground = GROUNDS.get(f"s{number}", "none")
        add(sheet, "rect", {**box, "fill": ground, "class": "grid"})
        add_text(sheet, x + 22, y, each, "quiet")


def draw_temperatures(sources: Sources, say: Say) -> str:
    """Return the probabilities of the next token at several temperatures, in columns of bars."""
    found = sources.explored("temperature").tables("temperatures")
    names = [each.text("token") or "" for each in found[0].tables("tokens")]
    sheet = start_sheet(2 * MARGIN + 34 + (len(names) + 2) * ROW, say("Temperatures"))
    for number, name in enumerate([*(_quoted(each) for each in names), say("all others")]):
        add_text(sheet, MARGIN, _middle(number), name, "mono" if number < len(names) else "quiet")
    room = (WIDTH - 2 * MARGIN - NAMES) / len(found)
    for number, column in enumerate(found):
        left = MARGIN + NAMES + number * room
        temperature, entropy = column.number("temperature"), column.number("entropy")
        words = f"{say('temperature')} {temperature:g}"
        add_text(sheet, left, MARGIN + 8, words, "strong")
        shares = [each.number("probability") or 0.0 for each in column.tables("tokens")]
        for row, share in enumerate([*shares, max(0.0, 1 - sum(shares))]):
            _add_share(sheet, (left, _middle(row)), share, room - 64, own=row == len(shares))
        said = f"{say('entropy')} {entropy:.2f} bits"
        add_text(sheet, left, _middle(len(names) + 1), said, "quiet")
    return finish_sheet(sheet)


def _add_share(
    sheet: Element, place: tuple[float, float], share: float, room: float, *, own: bool
) -> None:
    """Draw a bar for a share of one, in `room` pixels for all of it, and write it."""
    x, y = place
    group = add(sheet, "g", {"class": "own"} if own else {})
    size = {"x": f"{x:g}", "y": f"{y - 9:g}", "width": f"{share * room:.1f}", "height": "18"}
    add(group, "rect", {"class": "bar", "rx": "2", **size})
    add_text(sheet, x + share * room + 6, y, f"{100 * share:.1f} %")


def _middle(row: int) -> float:
    return MARGIN + 36 + row * ROW


def _quoted(token: str) -> str:
    shown = token.replace("\n", "\\n").replace('"', '\\"')
    return f'"{shown}"'
