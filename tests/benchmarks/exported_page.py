"""Opens exported pages in a headless browser, without a network: sizes, seconds, speed. Not a test.

    pip install playwright       # and a Chromium: playwright install chromium, or apt
    textgen export RUN --to html --out page.html
    python tests/benchmarks/exported_page.py page.html
    python tests/benchmarks/exported_page.py page.html --chromium /usr/bin/chromium --shots DIR

Of each page: its size; the seconds from opening to the first token; tokens a second of a long text,
on one core, the first 200 left out; and whatever a browser says or asks for, which is a fault.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import attrs
from playwright.sync_api import Browser, Page, sync_playwright

WARM_UP, TOKENS = 200, 600
ROW = "{:<28}{:>9}{:>12}{:>11}  {}"
FIRST_TOKEN = (
    "async () => { await textgen.ready; await textgen.generate({ maxNewTokens: 1, seed: 1 }); }"
)
WRITE = """async (count) => {
  const began = performance.now();
  const { text, tokenIds } = await textgen.generate({ maxNewTokens: count, seed: 7 });
  return { text, tokens: tokenIds.length, seconds: (performance.now() - began) / 1000 };
}"""


@attrs.define
class Found:
    """What was measured of a page, and what it should not have done."""

    megabytes: float
    seconds: float = 0.0
    tokens_per_second: float = 0.0
    text: str = ""
    faults: list[str] = attrs.field(factory=list)


def main() -> int:
    """Print a row for each page; return 1 if one has a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--chromium", help="the browser; by default playwright's own")
    parser.add_argument("--shots", type=Path, help="a folder for screenshots")
    given = parser.parse_args()
    print(ROW.format("page", "MB", "first token", "tokens/s", "faults"))
    has_faults = False
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.chromium)
        for path in given.pages:
            found = measure(browser, path.resolve(), given.shots)
            has_faults |= bool(found.faults)
            figures = (f"{found.megabytes:.2f}", f"{found.seconds:.2f} s")
            speed = f"{found.tokens_per_second:.0f}"
            print(ROW.format(path.name, *figures, speed, "; ".join(found.faults) or "none"))
        browser.close()
    return int(has_faults)


def measure(browser: Browser, path: Path, shots: Path | None) -> Found:
    """Open a page, write with it, and return what was found."""
    found = Found(megabytes=path.stat().st_size / 1e6)
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_offline(True)
    page = context.new_page()
    _watch(page, found, path.as_uri())
    began = time.perf_counter()
    page.goto(path.as_uri())
    page.evaluate(FIRST_TOKEN)
    found.seconds = time.perf_counter() - began
    page.evaluate(WRITE, WARM_UP)
    written = page.evaluate(WRITE, TOKENS)
    found.text, found.tokens_per_second = written["text"], written["tokens"] / written["seconds"]
    if not found.text.strip():
        found.faults.append("no text")
    if shots is not None:
        page.locator("#write").click()
        page.wait_for_timeout(3000)
        page.screenshot(path=shots / f"{path.stem}.png")
    context.close()
    return found


def _watch(page: Page, found: Found, address: str) -> None:
    def fault(text: str) -> None:
        found.faults.append(text[:200])

    def request(url: str) -> None:
        if not url.startswith((address, "blob:", "data:")):
            fault(f"request {url}")

    page.on("console", lambda message: fault(f"console: {message.text}"))
    page.on("pageerror", lambda error: fault(f"error: {error}"))
    page.on("request", lambda asked: request(asked.url))


if __name__ == "__main__":
    sys.exit(main())
