"""The pictures of lesson 3: an LSTM and a Transformer, unrolled over a few tokens, as blocks."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from pictures.diagrams import add_arrow, add_block, add_text
from pictures.sheet import WIDTH, Say, Sources, finish_sheet, start_sheet

from textgen_core.report.charts.svg import add

TOKENS = "thei"
NEXT = "heir"
STEP = 150  # pixels from one token to the next
BOX = (94, 34)
ROWS = {"next": 40, "output": 70, "middle": 144, "embedding": 232, "token": 296}  # tops of boxes


def draw_lstm(sources: Sources, say: Say) -> str:
    """Return an LSTM over four tokens: each step takes the token and the state before it."""
    del sources
    sheet = start_sheet(350, say("An LSTM over four tokens"))
    left = (WIDTH - 3 * STEP - BOX[0]) / 2
    for number in range(len(TOKENS)):
        x = left + number * STEP
        _add_column(sheet, x, number, say)
        add_block(sheet, x, ROWS["middle"], (BOX[0], 44), "LSTM", "second")
        if number:
            y = ROWS["middle"] + 22
            add_arrow(sheet, (x - STEP + BOX[0], y), (x - 2, y))
            add_text(sheet, x - (STEP - BOX[0]) / 2, y - 14, say("state"), "middle quiet")
    words = say("the same weights at every step; the state is all that is known of earlier tokens")
    add_text(sheet, WIDTH / 2, 334, words, "middle quiet")
    return finish_sheet(sheet)


def draw_transformer(sources: Sources, say: Say) -> str:
    """Return a Transformer over four tokens, and one of its blocks taken apart."""
    del sources
    sheet = start_sheet(350, say("A Transformer over four tokens, and one block of it"))
    step, box = 92.0, 76.0
    for number in range(len(TOKENS)):
        x = 24 + number * step
        _add_column(sheet, x, number, say, width=box)
        add_block(sheet, x, ROWS["middle"], (box, 44), say("block"), "second")
        for earlier in range(number):
            start = 24 + earlier * step + box / 2
            line = ((start, ROWS["embedding"] - 2), (x + box / 2 - 8, ROWS["middle"] + 46))
            _add_glance(sheet, *line)
    words = say("every position looks at all earlier ones")
    add_text(sheet, 24 + 1.5 * step + box / 2, 334, words, "middle quiet")
    _add_parts(sheet, say)
    return finish_sheet(sheet)


def _add_column(sheet: Element, x: float, number: int, say: Say, width: float = BOX[0]) -> None:
    """Draw one token's way, without what is in the middle: embedding below, output above."""
    middle = x + width / 2
    add_text(sheet, middle, ROWS["token"] + 12, f"“{TOKENS[number]}”", "middle mono")
    add_arrow(sheet, (middle, ROWS["token"]), (middle, ROWS["embedding"] + BOX[1] + 2))
    add_block(sheet, x, ROWS["embedding"], (width, BOX[1]), say("embedding"))
    add_arrow(sheet, (middle, ROWS["embedding"]), (middle, ROWS["middle"] + 46))
    add_arrow(sheet, (middle, ROWS["middle"]), (middle, ROWS["output"] + BOX[1] + 2))
    add_block(sheet, x, ROWS["output"], (width, BOX[1]), say("output"))
    add_arrow(sheet, (middle, ROWS["output"]), (middle, ROWS["next"] + 8))
    add_text(sheet, middle, ROWS["next"] - 8, f"P(“{NEXT[number]}”) …", "middle mono")


def _add_glance(sheet: Element, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a line of attention from an earlier position."""
    place = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    coordinates = {name: f"{value:.1f}" for name, value in place.items()}
    add(sheet, "line", {"class": "level", **coordinates})


def _add_parts(sheet: Element, say: Say) -> None:
    """Draw a block from below: norm, attention, added; norm, feed-forward, added."""
    left, width, height = 470.0, 150.0, 25.0
    middle = left + width / 2
    add_text(sheet, middle, 24, say("one block"), "middle strong")
    names = ("norm", "attention", "+", "norm", "feed-forward", "+")
    tops = [258 - 40 * number for number in range(len(names))]
    add_arrow(sheet, (middle, 316), (middle, tops[0] + height + 2))
    for name, top in zip(names, tops, strict=True):
        kind = "plain" if name == "norm" else "second" if name == "attention" else ""
        if name == "+":
            add_block(sheet, middle - 16, top, (32, height), "+", "plain")
        else:
            add_block(sheet, left, top, (width, height), say(name), kind)
        end = top - 8 if top != tops[-1] else 40
        add_arrow(sheet, (middle, top), (middle, end))
    right = left + width + 22
    for start, top in ((306, tops[2]), (tops[2] - 4, tops[5])):
        y = top + height / 2
        add_arrow(sheet, (middle, start), (right, start), (right, y), (middle + 18, y))
