"""The picture of attention: whole, self-contained, and true to the numbers."""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from explore.looked_into import explorer

from textgen_core.errors import UsageError
from textgen_core.explore.picture import draw_attention, write_picture

SVG = "{http://www.w3.org/2000/svg}"


def levels_of(image):
    """Decode a palette PNG without filters: its pixels, `(height, width)`, and its palette."""
    data = base64.b64decode(image.get("href").partition("base64,")[2])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, place = {}, 8
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        kind = data[place + 4 : place + 8]
        body = data[place + 8 : place + 8 + size]
        (checksum,) = struct.unpack(">I", data[place + 8 + size : place + 12 + size])
        assert checksum == zlib.crc32(kind + body)
        chunks[kind], place = body, place + 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    return lines[:, 1:], np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)


def test_every_head_has_its_map_and_a_pixel_is_the_root_of_its_share():
    found = explorer().attention("abc")
    tree = ElementTree.fromstring(draw_attention(found))
    images = list(tree.iter(f"{SVG}image"))
    assert len(images) == found.layers * found.heads
    levels, palette = levels_of(images[0])
    np.testing.assert_array_equal(levels, np.rint(255 * np.sqrt(found.shares[0, 0])))
    assert palette[0].tolist() == [255, 255, 255]
    assert (np.diff(palette.astype(int), axis=0) <= 0).all()
    last, _ = levels_of(images[-1])
    assert last[:, 0].tolist() == [255] * 4


def test_each_row_says_in_words_what_it_looks_at_most():
    tree = ElementTree.fromstring(draw_attention(explorer().attention("abc")))
    rows = [each for each in tree.iter(f"{SVG}rect") if each.get("class") == "row"]
    assert len(rows) == 4 * 4
    assert rows[1].find(f"{SVG}title").text == '"a" (2) looks at "<START>" (1) 50 %, "a" (2) 50 %'


def test_labels_stand_apart_however_many_tokens_there_are():
    found = explorer(context_length=400).attention("abcdef" * 60)
    tree = ElementTree.fromstring(draw_attention(found))
    ends = [each for each in tree.iter(f"{SVG}text") if each.get("class") == "end"]
    places = sorted({float(each.get("y")) for each in ends})
    assert min(np.diff(places)) >= 11
    assert float(tree.get("width")) < 2000
    levels, _ = levels_of(next(tree.iter(f"{SVG}image")))
    assert levels.shape == (361, 361)


def test_a_token_that_looks_like_markup_or_is_no_text_is_escaped():
    found = explorer(letters="<&\x00\x1b東").attention("<&\x00\x1b東")
    tree = ElementTree.fromstring(draw_attention(found))
    texts = [each.text for each in tree.iter(f"{SVG}text")]
    assert '"<"' in texts
    assert r'"\x1b"' in texts
    assert '"東"' in texts


@pytest.mark.parametrize("name", ["a.svg", "a.html", "A.SVG"])
def test_the_file_needs_nothing_else(name, tmp_path):
    write_picture(explorer().attention("ab"), tmp_path / name)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith("<svg" if name.lower().endswith("svg") else "<!DOCTYPE html>")
    links = re.findall(r'(?:href|src)="([^"]{0,20})', text)
    assert links
    assert all(link.startswith("data:image/png") for link in links)
    assert "<script" not in text
    assert "@import" not in text


def test_a_picture_that_has_no_place_is_told(tmp_path):
    found = explorer().attention("ab")
    with pytest.raises(UsageError, match=r"\.svg or \.html"):
        write_picture(found, tmp_path / "a.png")
    with pytest.raises(UsageError, match="cannot be written"):
        write_picture(found, tmp_path / "missing" / "a.svg")


def test_the_legend_has_the_colours_of_the_maps():
    tree = ElementTree.fromstring(draw_attention(explorer().attention("ab")))
    fills = [each.get("fill") for each in tree.iter(f"{SVG}rect") if each.get("stroke")]
    _, palette = levels_of(next(tree.iter(f"{SVG}image")))
    for share, fill in zip((0, 0.05, 0.1, 0.25, 0.5, 1), fills, strict=True):
        red, green, blue = palette[round(255 * math.sqrt(share))]
        assert fill == f"#{red:02x}{green:02x}{blue:02x}"
