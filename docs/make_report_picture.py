"""Makes the picture of a report that README shows, from a run directory.

    python docs/make_report_picture.py RUN [--out docs/pictures/report.png]

A headless Chromium draws a copy of the run's report.html that keeps what tells most at a glance:
its first screen without the commands, and the samples coloured by surprisal.
Needs a Chromium on PATH and nothing else beyond the standard library.
"""

from __future__ import annotations

import argparse
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PICTURE = Path(__file__).parent / "pictures" / "report.png"
WIDTH, TALLEST = 1120, 4000  # CSS pixels; the picture is cut where the page ends
SCALE = 1.0  # device pixels for each of them
MARGIN = 24  # device pixels of the page's ground that stay beneath it
LARGEST = 200_000  # bytes
SECONDS = 120

# Only whole parts of the page are hidden: what is left looks as it does in the report.
EXCERPT = """
nav, .skip, footer, main > section:not(#story, #text), .commands, .glance + h3,
#text > :not(h3, .legend, .texts), #text > .texts:has(> :not(.tokens)),
#text > h3 ~ p { display: none; }
.page { display: block; padding: 0 1.6rem; }
section { border: 0; margin-top: 0; padding-top: 0.6rem; }
.texts, figure { margin-bottom: 0; }
#text > h3 { margin-top: 0; }
"""


def main() -> int:
    """Make the picture of the run that the command line names."""
    parser = argparse.ArgumentParser(description="Make the picture of a report for README.")
    parser.add_argument("run", type=Path, help="a run directory with a report.html")
    parser.add_argument("--out", type=Path, default=PICTURE, help="the PNG to write")
    given = parser.parse_args()
    report = given.run / "report.html"
    if not report.is_file():
        return fail(f"{report} is missing: write it with `textgen report {given.run}`.")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return fail(f"No Chromium was found on PATH: install one of {', '.join(BROWSERS)}.")
    picture = crop(draw(browser, report.read_text(encoding="utf-8")))
    if len(picture) > LARGEST:
        return fail(f"The picture has {len(picture):,} bytes, more than {LARGEST:,}: lower SCALE.")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_bytes(picture)
    print(f"{given.out}: {len(picture):,} bytes")
    return 0


def fail(message: str) -> int:
    """Print what is wrong, and return the exit code for it."""
    print(message, file=sys.stderr)
    return 1


def draw(browser: str, page: str) -> bytes:
    """Return a screenshot of the excerpt as PNG."""
    with tempfile.TemporaryDirectory() as folder:
        copy, picture = Path(folder) / "report.html", Path(folder) / "report.png"
        copy.write_text(page.replace("</style>", EXCERPT + "</style>", 1), encoding="utf-8")
        arguments = [
            "--headless",
            "--no-sandbox",  # a container has none; the page runs no script and loads nothing
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
            f"--force-device-scale-factor={SCALE}",
            f"--window-size={WIDTH},{TALLEST}",
            f"--screenshot={picture}",
            copy.as_uri(),
        ]
        subprocess.run([browser, *arguments], check=True, capture_output=True, timeout=SECONDS)
        return picture.read_bytes()


# ---- PNG: rows of pixels, each filtered by what is left of it and above it -----------------------


def crop(png: bytes) -> bytes:
    """Return a PNG without the rows of plain ground at its bottom, but for a margin."""
    parts = list(chunks(png))
    width, height, depth, colours = struct.unpack(">IIBB", parts[0][1][:10])
    if depth != 8 or colours not in (2, 6):
        raise SystemExit("The screenshot is no PNG of 8-bit colours.")
    size = 3 if colours == 2 else 4
    packed = zlib.decompress(b"".join(data for kind, data in parts if kind == b"IDAT"))
    rows = unfilter(packed, width * size, size)
    last = max(number for number, row in enumerate(rows) if row != row[:size] * width)
    kept = rows[: min(height, last + 1 + MARGIN)]
    # Each row less the one above it, which is how text on a plain ground packs best.
    above, filtered = bytes(width * size), bytearray()
    for row in kept:
        filtered.append(2)
        filtered += bytes((one - other) & 255 for one, other in zip(row, above, strict=True))
        above = row
    header = struct.pack(">II", width, len(kept)) + parts[0][1][8:]
    body = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(filtered), 9)), (b"IEND", b"")]
    return png[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in body
    )


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and data of each chunk of a PNG."""
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def unfilter(packed: bytes, length: int, size: int) -> list[bytes]:
    """Return the rows of a PNG's pixels, `length` bytes each, of `size` bytes a pixel."""
    rows, above = [], bytes(length)
    for start in range(0, len(packed), length + 1):
        kind, row = packed[start], bytearray(packed[start + 1 : start + 1 + length])
        if kind == 2:
            row = bytearray((one + other) & 255 for one, other in zip(row, above, strict=True))
        elif kind:
            for at in range(length):
                left, corner = (row[at - size], above[at - size]) if at >= size else (0, 0)
                row[at] = (row[at] + predict(kind, left, above[at], corner)) & 255
        above = bytes(row)
        rows.append(above)
    return rows


def predict(kind: int, left: int, above: int, corner: int) -> int:
    """Return what a filter takes a byte to be, from those beside and above it."""
    if kind == 1:
        return left
    if kind == 3:
        return (left + above) // 2
    guess = left + above - corner  # Paeth's predictor
    return min((left, above, corner), key=lambda value: abs(guess - value))


if __name__ == "__main__":
    sys.exit(main())
