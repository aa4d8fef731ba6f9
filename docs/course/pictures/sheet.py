"""A sheet of paper for a picture: an SVG of fixed size with its own ground, colours and letters.

The report's pictures are fluid and take their colours from its page. On a sheet they stand alone,
as <img> on a light page or a dark one. This module knows nothing about what is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import attrs

from textgen_core.report.charts.svg import add
from textgen_core.report.records import Records, Table, read_records
from textgen_core.runs.directory import RunDirectory

Say = Callable[[str], str]  # from English words to those of the picture's language

WIDTH = 680
MARGIN = 16
LEGEND = 150  # pixels from one name of the legend to the next
LEGEND_LINE = 20  # pixels from one line of it to the next, with LEGEND_NAMES in each
LEGEND_NAMES = 3
AXIS_LEFT, AXIS_TOP, AXIS_RIGHT, AXIS_BOTTOM = 52, 26, 18, 46  # around the frame of a chart

STYLE = """
svg { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
text { fill: #1f2125; font-size: 13px; font-variant-numeric: tabular-nums; }
.tick, .unit, .quiet { fill: #5d6169; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.note { fill: #5d6169; paint-order: stroke; stroke: #fdfcf9; stroke-width: 4px; }
.strong { font-weight: 600; fill: #1f2125; }
.grid { stroke: #dedad1; }
.axis { stroke: #5d6169; }
.level { stroke: #5d6169; stroke-width: 1.3; }
.l0 { stroke-dasharray: 2 4; }
.l1 { stroke-dasharray: 5 4; }
.l2 { stroke-dasharray: 10 4; }
.l3 { stroke-dasharray: 9 3 2 3; }
.stretched { overflow: visible; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.curve.training, .curve.rate, .curve.fit { stroke: #0072b2; }
.curve.validation { stroke: #c94f00; }
.curve.fit { stroke-dasharray: 6 4; }
.dot { stroke: #fdfcf9; }
.dot.training, .dot.rate { fill: #0072b2; }
.dot.validation { fill: #c94f00; }
.mark { fill: none; stroke: #1f2125; stroke-width: 1.8; }
.bar { fill: #cfdfe9; }
.own .bar { fill: #f3c9a5; }
.own text { font-weight: 600; }
.bin { fill: #0072b2; }
.bin.open { fill: #c94f00; }
.paper { fill: #fdfcf9; stroke: #dedad1; }
.block { fill: #cfdfe9; stroke: #5d6169; }
.block.second { fill: #f3c9a5; }
.block.plain { fill: #f5f3ee; }
.arrow { fill: none; stroke: #5d6169; stroke-width: 1.5; }
.head { fill: #5d6169; }
.mono { font-family: ui-monospace, "SF Mono", Consolas, "Liberation Mono", monospace; }
"""


@attrs.frozen
class Sources:
    """Where the figures of the pictures come from: what the commands of the pages left."""

    folder: Path

    def records(self, name: str) -> Records:
        """Return the records of a run of the course."""
        return read_records(RunDirectory(self.folder / "runs" / name))

    def explored(self, name: str) -> Table:
        """Return what a command printed as JSON."""
        path = self.folder / f"{name}.json"
        return Table(path, json.loads(path.read_text(encoding="utf-8")))


def start_sheet(height: float, title: str) -> Element:
    """Return an empty sheet, WIDTH wide, with its style and ground."""
    size = {"width": str(WIDTH), "height": f"{height:g}", "viewBox": f"0 0 {WIDTH} {height:g}"}
    sheet = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **size})
    add(sheet, "title", {}, title)
    add(sheet, "style", {}, STYLE)
    ground = {"width": str(WIDTH - 1), "height": f"{height - 1:g}", "x": "0.5", "y": "0.5"}
    add(sheet, "rect", {"class": "paper", "rx": "6", **ground})
    return sheet


def finish_sheet(sheet: Element) -> str:
    """Return a sheet as the text of its file."""
    return ElementTree.tostring(sheet, encoding="unicode") + "\n"


def sheet_of_chart(markup: str, title: str, legend: Sequence[tuple[str, str]] = ()) -> str:
    """Return a chart of the report (curves, a histogram) on a sheet, room for its axes around.

    legend: CSS class and name of each curve and level, where there are several.
    """
    around = (AXIS_LEFT, AXIS_TOP, AXIS_RIGHT, AXIS_BOTTOM)
    return _sheet_of(markup, title, around, legend)


def sheet_of_bars(markup: str, title: str) -> str:
    """Return bars of the report on a sheet."""
    return _sheet_of(markup, title, (0, 0, 0, 0))


def _sheet_of(
    markup: str,
    title: str,
    around: tuple[int, int, int, int],
    legend: Sequence[tuple[str, str]] = (),
) -> str:
    left, top, right, bottom = around
    picture = ElementTree.fromstring(str(markup))
    height = float(picture.get("height", "0"))
    top += LEGEND_LINE * (max(0, len(legend) - 1) // LEGEND_NAMES)
    sheet = start_sheet(height + top + bottom + 2 * MARGIN, title)
    picture.set("x", str(MARGIN + left))
    picture.set("y", str(MARGIN + top))
    picture.set("width", str(WIDTH - 2 * MARGIN - left - right))
    picture.set("overflow", "visible")
    for name in ("role", "aria-labelledby"):
        picture.attrib.pop(name, None)
    sheet.append(picture)
    for number, (kind, name) in enumerate(legend):
        line, column = divmod(number, LEGEND_NAMES)
        right = WIDTH - MARGIN - AXIS_RIGHT - (LEGEND_NAMES - 1 - column) * LEGEND
        y = MARGIN + 6 + line * LEGEND_LINE
        if kind.startswith("level"):
            place = {"x1": f"{right - 20:g}", "x2": f"{right:g}", "y1": f"{y:g}", "y2": f"{y:g}"}
            add(sheet, "line", {"class": kind, **place})
        else:
            place = {"cx": f"{right - 10:g}", "cy": f"{y:g}", "r": "5"}
            add(sheet, "circle", {"class": f"dot {kind}", **place})
        words = {"class": "end quiet", "x": f"{right - 26:g}", "y": f"{y:g}"}
        add(sheet, "text", {**words, "dy": "0.35em"}, name)
    return finish_sheet(sheet)
