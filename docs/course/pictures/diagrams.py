"""The strokes of the diagrams: cells of text, blocks with a name, and arrows.

This module knows nothing about what is shown. Places and sizes are pixels of the sheet.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from textgen_core.report.charts.svg import add

HEAD = 5  # pixels: half the width of an arrow's head


def add_text(sheet: Element, x: float, y: float, words: str, kind: str = "") -> None:
    """Write words, their middle at height `y`; `kind` are CSS classes."""
    place = {"x": f"{x:g}", "y": f"{y:g}", "dy": "0.35em", "class": kind}
    add(sheet, "text", {name: value for name, value in place.items() if value}, words)


def add_block(
    sheet: Element, x: float, y: float, size: tuple[float, float], words: str, kind: str = ""
) -> None:
    """Draw a box from its upper left corner, `size` is width and height, with words in it."""
    width, height = size
    box = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:g}", "height": f"{height:g}"}
    add(sheet, "rect", {"class": f"block {kind}".strip(), "rx": "3", **box})
    add_text(sheet, x + width / 2, y + height / 2, words, "middle")


def add_cells(
    sheet: Element, x: float, y: float, text: str, cell: tuple[float, float], kind: str = ""
) -> None:
    """Draw a text with a box for each character; a space shows as an open box."""
    width, height = cell
    for number, character in enumerate(text):
        left = x + number * width
        box = {"x": f"{left:g}", "y": f"{y:g}", "width": f"{width:g}", "height": f"{height:g}"}
        add(sheet, "rect", {"class": f"block {kind}".strip(), **box})
        shown = "␣" if character == " " else character
        add_text(sheet, left + width / 2, y + height / 2, shown, "middle mono")


def add_arrow(sheet: Element, *places: tuple[float, float]) -> None:
    """Draw an arrow along straight lines through `places`; the last of them is its head."""
    (x0, y0), (x1, y1) = places[-2:]
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    across, along = (x1 - x0) / length * HEAD, (y1 - y0) / length * HEAD
    foot = (x1 - 1.6 * across, y1 - 1.6 * along)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*places[:-1], foot))
    add(sheet, "polyline", {"class": "arrow", "points": line})
    corners = (
        (x1, y1),
        (foot[0] - along, foot[1] + across),
        (foot[0] + along, foot[1] - across),
    )
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    add(sheet, "polygon", {"class": "head", "points": points})
