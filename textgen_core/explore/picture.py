"""Attention as a picture: a heat map for each head, all layers beneath each other, in one file.

The file needs nothing else: no network, no script.
"""

from __future__ import annotations

import base64
import itertools
import math
import struct
import zlib
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from textgen_core.errors import UsageError
from textgen_core.explore.checks import check_ending
from textgen_core.explore.results import Attention
from textgen_core.explore.words import quoted
from textgen_core.report.charts.svg import add, finish_picture
from textgen_core.report.wording import cut_to_width

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
    side = min(_LARGEST, max(_SMALLEST, _CELL * len(attention.tokens)))
    width = 2 * _GAP + _LABEL + attention.heads * (side + _GAP)
    height = _HEAD + _LABEL + attention.layers * (side + 2 * _GAP)
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(width),
            "height": str(height),
            "viewBox": f"0 0 {width} {height}",
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
    for layer, head in np.ndindex(attention.layers, attention.heads):
        x, y = _GAP + _LABEL + head * (side + _GAP), _HEAD + _LABEL + layer * (side + 2 * _GAP)
        group = add(svg, "g", {"transform": f"translate({x} {y})"})
        if layer == 0:
            _add_labels(group, attention, side, is_top=True)
        if head == 0:
            _add_labels(group, attention, side, is_top=False)
        _add_map(group, attention, layer, head, side)
    return str(finish_picture(svg))


def _add_map(group: Element, attention: Attention, layer: int, head: int, side: int) -> None:
    shares, size = attention.shares[layer, head], str(side)
    image = "data:image/png;base64," + base64.b64encode(_png(shares)).decode("ascii")
    place = {"width": size, "height": size, "preserveAspectRatio": "none"}
    add(group, "image", {**place, "href": image})
    apart = side / len(shares)
    for number, row in enumerate(shares):
        box = {"y": f"{number * apart:.2f}", "width": size, "height": f"{apart:.2f}"}
        rect = add(group, "rect", {"class": "row", **box})
        add(rect, "title", {}, _sentence(attention, number, row))
    add(group, "rect", {"class": "frame", "width": size, "height": size})
    below = {"class": "middle", "x": str(side // 2), "y": str(side + _GAP - 4)}
    add(group, "text", below, f"layer {layer + 1}, head {head + 1}")


def _add_labels(group: Element, attention: Attention, side: int, *, is_top: bool) -> None:
    apart = side / len(attention.tokens)
    step = math.ceil(_LEAST_APART / apart)
    for number in range(0, len(attention.tokens), step):
        middle = (number + 0.5) * apart
        label = cut_to_width(quoted(attention.tokens[number]), _LABEL_WIDTH)
        if is_top:
            place = {"transform": f"translate({middle:.2f} -6) rotate(-90)", "dy": "0.35em"}
        else:
            place = {"class": "end", "x": "-6", "y": f"{middle:.2f}", "dy": "0.35em"}
        add(group, "text", place, label)


def _sentence(attention: Attention, number: int, row: np.ndarray) -> str:
    best = np.argsort(-row[: number + 1], kind="stable")[:3]
    named = ", ".join(
        f"{quoted(attention.tokens[int(each)])} ({int(each) + 1}) {100 * row[each]:.0f} %"
        for each in best
    )
    return f"{quoted(attention.tokens[number])} ({number + 1}) looks at {named}"


def _add_legend(svg: Element) -> None:
    for x, share in zip(itertools.count(_GAP, 62), _LEGEND, strict=False):
        colour = bytes(_palette()[round(255 * math.sqrt(share))]).hex()
        box = {"x": str(x), "y": "36", "width": "14", "height": "14", "fill": f"#{colour}"}
        add(svg, "rect", {**box, "stroke": "#999"})
        add(svg, "text", {"x": str(x + 18), "y": "47"}, f"{100 * share:.0f} %")


def _palette() -> np.ndarray:
    """Return 256 colours, from white to the darkest, uint8 `(256, 3)`."""
    return np.linspace((255, 255, 255), _DARKEST, 256).round().astype(np.uint8)


def _png(shares: np.ndarray) -> bytes:
    """Return shares `(time, time)` as a PNG with a pixel for each.

    Darkness goes with the square root, so that a small share among many is still seen.
    """
    levels = np.rint(255 * np.sqrt(np.clip(shares, 0, 1))).astype(np.uint8)
    lines = np.pad(levels, ((0, 0), (1, 0)))  # a zero before each: no filter
    height, width = levels.shape
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),  # 8 bits, a palette
        (b"PLTE", _palette().tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
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
