"""The script that makes README's picture of a report; the browser itself is not tested here."""

from __future__ import annotations

import importlib.util
import struct
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest

from textgen_core.report import write_report
from textgen_core.runs.directory import RunDirectory

SCRIPT = Path(__file__).parents[2] / "docs" / "make_report_picture.py"
PAPER, INK = b"\xfd\xfc\xf9", b"\x00\x40\x80"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    found = importlib.util.spec_from_file_location("make_report_picture", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def png_of(rows: list[bytes], width: int) -> bytes:
    """A PNG whose rows are filtered in each of the five ways in turn."""
    above, filtered = bytes(3 * width), b""
    for number, row in enumerate(rows):
        kind = number % 5
        filtered += bytes([kind])
        for at, value in enumerate(row):
            left, corner = (row[at - 3], above[at - 3]) if at >= 3 else (0, 0)
            guesses = [0, left, above[at], (left + above[at]) // 2]
            nearest = left + above[at] - corner
            guesses.append(min((left, above[at], corner), key=lambda each: abs(nearest - each)))
            filtered += bytes([(value - guesses[kind]) & 255])
        above = row
    header = struct.pack(">IIBBBBB", width, len(rows), 8, 2, 0, 0, 0)
    body = [(b"IHDR", header), (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in body
    )


def rows_of(script: ModuleType, png: bytes) -> list[bytes]:
    parts = dict(script.chunks(png))
    width, _ = struct.unpack(">II", parts[b"IHDR"][:8])
    return script.unfilter(zlib.decompress(parts[b"IDAT"]), 3 * width, 3)


def test_the_ground_beneath_the_page_is_cut_off_but_for_a_margin(script: ModuleType):
    page = [INK + PAPER * 7, PAPER * 8, PAPER * 2 + INK * 3 + PAPER * 3, PAPER * 7 + INK] * 3
    cropped = script.crop(png_of(page + [PAPER * 8] * 90, 8))
    assert rows_of(script, cropped) == page + [PAPER * 8] * script.MARGIN


def test_the_excerpt_is_a_part_of_the_style_of_the_report(script: ModuleType, run: RunDirectory):
    page = write_report(run).read_text(encoding="utf-8")
    assert page.count("</style>") == 1
    for part in ("story", "text"):
        assert f'id="{part}"' in page
        assert f"#{part}" in script.EXCERPT
    for kind in ("text tokens", "texts", "glance", "commands"):
        assert f'class="{kind}"' in page


def test_what_is_missing_is_said(script, run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["make_report_picture.py", str(run.path)])
    assert script.main() == 1
    assert f"textgen report {run.path}" in capsys.readouterr().err
    write_report(run)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert script.main() == 1
    assert "No Chromium" in capsys.readouterr().err
