"""What every picture is made of: SVG elements, an axis frame, and the finished markup.

Pictures are fluid: places are percentages of the frame, so that lines bend with the page's width
while letters keep their size. Curves, which cannot be given in percentages, lie in an inner picture
that is stretched over the frame. Colours are classes of the page's style sheet. Elements are built
as a tree and never pasted together, so that every text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import attrs
from markupsafe import Markup

from textgen_core.report.charts.scales import Axis, Points, Ticks
from textgen_core.report.wording import showable

STRETCHED = 1000  # the inner picture's width and height


@attrs.frozen(kw_only=True)
class Picture:
    """What a picture is called and shows, for those who do not see it; `name` is unique.

    A chart of curves without a description is given that of its curves.
    """

    name: str
    title: str
    description: str = ""


@attrs.frozen(kw_only=True)
class Figure:
    """A picture under its heading, and beneath it a legend and a sentence on how to read it.

    legend: of each entry the name, and the CSS classes of its line and of its dot, or "".
    """

    picture: Markup | None
    heading: str = ""
    sentence: str = ""
    legend: tuple[tuple[str, str, str], ...] = ()


def start_picture(picture: Picture, kind: str, height: int) -> Element:
    """Return an empty picture of a CSS class and a height in pixels, with its description."""
    title, description = f"{picture.name}-title", f"{picture.name}-description"
    size = {"class": kind, "width": "100%", "height": str(height)}
    svg = Element("svg", {**size, "role": "img", "aria-labelledby": f"{title} {description}"})
    add(svg, "title", {"id": title}, picture.title)
    add(svg, "desc", {"id": description}, picture.description)
    return svg


def finish_picture(svg: Element) -> Markup:
    """Return a picture as markup that needs no escaping."""
    # Every text in the tree is escaped here.
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


def add(parent: Element, tag: str, attributes: Mapping[str, str], text: str = "") -> Element:
    """Add an element to its parent and return it."""
    values = {name: showable(value) for name, value in attributes.items()}
    element = ElementTree.SubElement(parent, tag, values)
    element.text = showable(text) or None
    return element


def percent(place: float) -> str:
    """Return a place from 0 to 1 as a percentage."""
    return f"{100 * place:.2f}".rstrip("0").rstrip(".") + "%"


def add_frame(
    svg: Element,
    x_ticks: Ticks,
    y_ticks: Ticks,
    x_label: str,
    y_label: str,
    beneath: Axis | None = None,
) -> None:
    """Draw the grid, both axes' labels and what the axes measure; `beneath` the x axis another."""
    for place, label in y_ticks:
        add_level(svg, "grid", place)
        where = {"class": "tick end", "x": "-8", "y": percent(1 - place), "dy": "0.35em"}
        add(svg, "text", where, label)
    add_level(svg, "axis", 0)
    for place, _ in x_ticks:
        x = percent(place)
        add(svg, "line", {"class": "axis", "x1": x, "x2": x, "y1": "100%", "y2": "101.5%"})
    _add_row(svg, x_ticks, "1.6em")
    add(svg, "text", {"class": "unit", "x": "-52", "y": "0", "dy": "-1.1em"}, y_label)
    if beneath is None:
        add(svg, "text", {"class": "unit end", "x": "100%", "y": "100%", "dy": "3.1em"}, x_label)
        return
    _add_row(svg, beneath.ticks, "3em")
    for label, down in ((x_label, "1.6em"), (beneath.label, "3em")):  # at the head of its row
        add(svg, "text", {"class": "unit end", "x": "-14", "y": "100%", "dy": down}, label)


def _add_row(svg: Element, ticks: Ticks, down: str) -> None:
    for place, label in ticks:
        where = {"class": "tick middle", "x": percent(place), "y": "100%", "dy": down}
        add(svg, "text", where, label)


def add_level(svg: Element, kind: str, place: float) -> Element:
    """Draw a horizontal line over the whole width, at a place from 0 to 1, and return it."""
    y = percent(1 - place)
    return add(svg, "line", {"class": kind, "x1": "0", "x2": "100%", "y1": y, "y2": y})


def add_curve(svg: Element, points: Points, kind: str) -> None:
    """Draw a line through points given as places from 0 to 1 along both axes."""
    size = {"class": "stretched", "width": "100%", "height": "100%"}
    box = {"viewBox": f"0 0 {STRETCHED} {STRETCHED}", "preserveAspectRatio": "none"}
    inner = add(svg, "svg", {**size, **box})
    coordinates = " ".join(f"{STRETCHED * x:.1f},{STRETCHED * (1 - y):.1f}" for x, y in points)
    add(inner, "polyline", {"class": f"curve {kind}", "points": coordinates})
