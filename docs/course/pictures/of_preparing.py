"""The picture of lesson 2: where the text is cut, and how windows lie in the training split.

What is shown is what `corpus.split` and `data.stride` do, on a text that fits a page.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from pictures.diagrams import add_arrow, add_block, add_cells, add_text
from pictures.sheet import WIDTH, Say, Sources, finish_sheet, start_sheet

TEXT = "the ferry meets the tide"
WINDOW = 8
CELL = (26, 26)
LEFT = (WIDTH - len(TEXT) * CELL[0]) / 2
FULL = len(TEXT) * CELL[0]
HEIGHT = 436


def draw_windows(sources: Sources, say: Say) -> str:
    """Return the three splits, windows at two strides, and a window's inputs and targets."""
    del sources  # nothing is measured
    sheet = start_sheet(HEIGHT, say("Splits and windows"))
    _add_splits(sheet, say)
    add_text(sheet, LEFT, 112, say("the training split, token by token"), "quiet")
    add_cells(sheet, LEFT, 124, say(TEXT), CELL, "plain")
    below = _add_windows(sheet, 176, stride=WINDOW, words=say("stride 8: window beside window"))
    below = _add_windows(sheet, below, stride=4, words=say("stride 4: two epochs, a row each"))
    _add_targets(sheet, below + 6, say)
    return finish_sheet(sheet)


def _add_splits(sheet: Element, say: Say) -> None:
    add_text(sheet, LEFT, 26, say("the text, cut in the order given"), "quiet")
    left = LEFT
    for name, share, kind in (("training", 80, ""), ("validation", 10, "second"), ("test", 10, "")):
        width = FULL * share / 100
        words = f"{say(name)} {share} %" if share > 10 else f"{share} %"
        add_block(sheet, left, 38, (width, 28), words, kind if name != "test" else "plain")
        if share == 10:
            add_text(sheet, left + width / 2, 78, say(name), "middle quiet")
        left += width
    add_arrow(sheet, (LEFT + FULL * 0.4, 70), (LEFT + FULL * 0.4, 98))


def _add_windows(sheet: Element, top: float, stride: int, words: str) -> float:
    """Draw a row for each window, and return where the next drawing may begin.

    A window starts every `stride` tokens, and one more ends with the text, as in WindowBatches;
    with half a window's stride, the rows are those of two epochs.
    """
    last = len(TEXT) - WINDOW - 1  # the last input needs a target
    starts = sorted({*range(0, last, stride), last})
    add_text(sheet, LEFT, top, words, "quiet")
    for row, start in enumerate(starts):
        y = top + 12 + row % 2 * 15
        box = (WINDOW * CELL[0] - 3, 12.0)
        add_block(sheet, LEFT + start * CELL[0], y, box, "", "" if row % 2 == 0 else "second")
    return top + 66


def _add_targets(sheet: Element, top: float, say: Say) -> None:
    add_text(sheet, LEFT, top, say("the first window: each target is the next token"), "quiet")
    x, below = LEFT + 90, top + 16 + CELL[1] + 34
    add_text(sheet, LEFT, top + 16 + CELL[1] / 2, say("inputs"))
    add_cells(sheet, x, top + 16, say(TEXT)[:WINDOW], CELL)
    add_text(sheet, LEFT, below + CELL[1] / 2, say("targets"))
    add_cells(sheet, x, below, say(TEXT)[1 : WINDOW + 1], CELL, "second")
    for place in range(WINDOW):
        middle = x + (place + 0.5) * CELL[0]
        add_arrow(sheet, (middle, top + 18 + CELL[1]), (middle, below - 2))
