"""Attention as a picture: a heat map for each head, all layers beneath each other, in one file.

The file needs nothing else: no network, no script.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import attrs
import numpy as np

from textgen_core.errors import UsageError
from textgen_core.explore.checks import check_ending
from textgen_core.explore.results import Attention
from textgen_core.explore.words import quoted
from textgen_core.report.charts.svg import add, finish_picture
from textgen_core.report.wording import cut_to_width

MOST_NAMED = 3  # tokens that a row's title names

_CELL, _SMALLEST, _LARGEST = 14, 140, 480  # pixels: of a token, and of a heat map
_LABEL = 90  # pixels for the tokens at the sides
_LABEL_WIDTH = 12  # Latin letters of a token that fit there
_LEAST_APART = 11  # pixels from one label to the next
_GAP, _HEAD = 18, 64
_LEGEND = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
_DARKEST = (8, 48, 107)  # a share of one; nothing is white
_STYLE = (
    "text{font:11px sans-serif;fill:#222}.title{font-size:15px}.end{text-anchor:end}"
    ".middle{text-anchor:middle}image{image-rendering:pixelated}.row{fill-opacity:0}"
    ".row:hover{stroke:#d95f02}.frame{fill:none;stroke:#999}"
)
_EXPLANATION = (
    "Each row is a token that looks back, each column a token that it looks at: the darker, the "
    "larger that token's share of what the row takes in. Rows "
    "sum to one. Point at a row to read it."
)


def write_picture(attention: Attention, path: Path) -> None:
    """Write a picture of all layers and heads, as SVG or as an HTML page, by the file's ending.

    Raises UsageError for another ending, or if the file cannot be written.
    """
    check_ending(path)
    svg = str(draw_attention(attention))
    page = svg if path.suffix.lower() == ".svg" else _page(svg)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The picture cannot be written to {path}: {error.strerror}.",
            "Allowed: a file in a folder that exists and can be written to.",
        ) from error


def draw_attention(attention: Attention) -> str:
    """Return the picture as SVG markup, which stands alone."""
    plan = _Plan(tokens=len(attention.tokens), layers=attention.layers, heads=attention.heads)
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(plan.width),
            "height": str(plan.height),
            "viewBox": f"0 0 {plan.width} {plan.height}",
            "role": "img",
        },
    )
    add(svg, "title", {}, f"Attention of {attention.layers} layers with {attention.heads} heads")
    add(svg, "desc", {}, _EXPLANATION)
    add(svg, "style", {}, _STYLE)
    add(svg, "rect", {"width": "100%", "height": "100%", "fill": "#fff"})
    title = f"What each token looks at: {attention.layers} layers, {attention.heads} heads each"
    add(svg, "text", {"class": "title", "x": str(_GAP), "y": "24"}, title)
    _add_legend(svg)
    for layer in range(attention.layers):
        for head in range(attention.heads):
            _add_map(svg, plan, attention, layer, head)
    return str(finish_picture(svg))


@attrs.frozen(kw_only=True)
class _Plan:
    """Where the heat maps stand, in pixels."""

    tokens: int
    layers: int
    heads: int

    @property
    def side(self) -> int:
        return min(_LARGEST, max(_SMALLEST, _CELL * self.tokens))

    @property
    def width(self) -> int:
        return 2 * _GAP + _LABEL + self.heads * (self.side + _GAP)

    @property
    def height(self) -> int:
        return _HEAD + _LABEL + self.layers * (self.side + 2 * _GAP)

    def corner(self, layer: int, head: int) -> tuple[int, int]:
        x = _GAP + _LABEL + head * (self.side + _GAP)
        return x, _HEAD + _LABEL + layer * (self.side + 2 * _GAP)

    def labelled(self) -> Iterator[tuple[int, float]]:
        """Yield the tokens that have a label, with the middle of their row."""
        apart = self.side / self.tokens
        for token in range(0, self.tokens, math.ceil(_LEAST_APART / apart)):
            yield token, (token + 0.5) * apart


def _add_map(svg: Element, plan: _Plan, attention: Attention, layer: int, head: int) -> None:
    x, y = plan.corner(layer, head)
    group = add(svg, "g", {"transform": f"translate({x} {y})"})
    if layer == 0:
        _add_labels(group, plan, attention, is_top=True)
    if head == 0:
        _add_labels(group, plan, attention, is_top=False)
    shares, size = attention.shares[layer, head], str(plan.side)
    image = "data:image/png;base64," + base64.b64encode(_png(shares)).decode("ascii")
    place = {"width": size, "height": size, "preserveAspectRatio": "none"}
    add(group, "image", {**place, "href": image})
    apart = plan.side / plan.tokens
    for number, row in enumerate(shares):
        box = {"y": f"{number * apart:.2f}", "width": size, "height": f"{apart:.2f}"}
        add(
            add(group, "rect", {"class": "row", **box}),
            "title",
            {},
            _sentence(attention, number, row),
        )
    add(group, "rect", {"class": "frame", "width": size, "height": size})
    below = {"class": "middle", "x": str(plan.side // 2), "y": str(plan.side + _GAP - 4)}
    add(group, "text", below, f"layer {layer + 1}, head {head + 1}")


def _add_labels(group: Element, plan: _Plan, attention: Attention, *, is_top: bool) -> None:
    for token, middle in plan.labelled():
        label = cut_to_width(quoted(attention.tokens[token]), _LABEL_WIDTH)
        if is_top:
            place = {"transform": f"translate({middle:.2f} -6) rotate(-90)", "dy": "0.35em"}
        else:
            place = {"class": "end", "x": "-6", "y": f"{middle:.2f}", "dy": "0.35em"}
        add(group, "text", place, label)


def _sentence(attention: Attention, number: int, row: np.ndarray) -> str:
    best = np.argsort(-row[: number + 1], kind="stable")[:MOST_NAMED]
    named = ", ".join(
        f"{quoted(attention.tokens[int(each)])} ({int(each) + 1}) {100 * row[each]:.0f} %"
        for each in best
    )
    return f"{quoted(attention.tokens[number])} ({number + 1}) looks at {named}"


def _add_legend(svg: Element) -> None:
    x = _GAP
    for share in _LEGEND:
        box = {"x": str(x), "y": "36", "width": "14", "height": "14", "fill": _colour(share)}
        add(svg, "rect", {**box, "stroke": "#999"})
        add(svg, "text", {"x": str(x + 18), "y": "47"}, f"{100 * share:.0f} %")
        x += 62


def _colour(share: float) -> str:
    red, green, blue = _palette()[round(255 * math.sqrt(share))]
    return f"#{red:02x}{green:02x}{blue:02x}"


def _palette() -> list[tuple[int, int, int]]:
    """Return 256 colours, from white to the darkest."""
    red, green, blue = (np.linspace(255, each, 256).round().astype(int) for each in _DARKEST)
    return [(int(r), int(g), int(b)) for r, g, b in zip(red, green, blue, strict=True)]


def _png(shares: np.ndarray) -> bytes:
    """Return shares `(time, time)` as a PNG with a pixel for each.

    Darkness goes with the square root, so that a small share among many is still seen.
    """
    levels = np.rint(255 * np.sqrt(np.clip(shares, 0, 1))).astype(np.uint8)
    lines = b"".join(b"\x00" + line.tobytes() for line in levels)  # each without a filter
    height, width = levels.shape
    colours = b"".join(bytes(colour) for colour in _palette())
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),  # 8 bits, a palette
        (b"PLTE", colours),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _page(svg: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<title>Attention</title>\n<style>body{margin:1.5rem;font-family:sans-serif}</style>\n"
        f"</head>\n<body>\n<p>{_EXPLANATION}</p>\n{svg}\n</body>\n</html>\n"
    )
