"""Walks through the playground in a headless browser, and says what does not work. Not a test.

    pip install playwright       # and a browser: playwright install chromium firefox, or apt
    python tests/export/browser_check.py                   # the page on a backend without a model
    python tests/export/browser_check.py PAGE.html         # an exported model
    python tests/export/browser_check.py http://127.0.0.1:8000     # textgen serve
    ... --browser firefox --executable /usr/bin/chromium --shots DIR

A file is opened from disk with the network off. Each row of the table is a claim; with a backend
without a model there are a few more, as errors and a long text. Leaves with 1 if one fails.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from export import browser_claims, browser_claims_fake, browser_claims_kept
from export.browser_measures import MEASURES
from export.browser_walk import Walk
from export.harness import harness_page

WIDTHS = (400, 1400)
SCHEMES = ("light", "dark")
HEIGHT = 900
DARK = {"ui.systemUsesDarkTheme": 1}  # where a browser's driver cannot emulate it


def main() -> int:
    """Check the page that the command line names."""
    parser = argparse.ArgumentParser(description="Open the playground in a browser and check it.")
    parser.add_argument("page", nargs="?", help="a file or an address; without, a fake backend's")
    parser.add_argument("--browser", default="chromium", choices=["chromium", "firefox"])
    parser.add_argument("--executable", help="the browser, if it is not Playwright's own")
    parser.add_argument("--shots", type=Path, help="a folder for pictures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        address = given.page or written(Path(folder) / "page.html")
        if "://" not in address:
            address = Path(address).resolve().as_uri()
        checker = Checker(address, is_fake=given.page is None, shots=given.shots)
        for scheme in SCHEMES:
            browser = launch(playwright, given.browser, given.executable, scheme)
            checker.check_scheme(browser, scheme)
            browser.close()
    print(*checker.faults, sep="\n")
    print(f"{len(checker.faults)} faults")
    return 1 if checker.faults else 0


def written(path: Path) -> str:
    path.write_text(harness_page(), encoding="utf-8")
    return str(path)


def launch(playwright: Playwright, name: str, executable: str | None, scheme: str) -> Browser:
    if name == "chromium":
        return playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox"], chromium_sandbox=False
        )
    return playwright.firefox.launch(
        executable_path=executable,
        channel="moz-firefox" if executable else None,  # an ordinary Firefox
        firefox_user_prefs=DARK if scheme == "dark" else {"ui.systemUsesDarkTheme": 0},
        timeout=180_000,
    )


class Checker:
    """Opens pages and gathers the faults."""

    def __init__(self, address: str, *, is_fake: bool, shots: Path | None) -> None:
        self.address, self.is_fake, self.shots = address, is_fake, shots
        self.faults: list[str] = []

    def check_scheme(self, browser: Browser, scheme: str) -> None:
        for width in WIDTHS:
            self._look(browser, width, scheme)
        if scheme == SCHEMES[0]:
            self._walk(browser)

    def _look(self, browser: Browser, width: int, scheme: str) -> None:
        """Look at the page in each state: at first, with texts, with a panel, in Spanish."""
        with self._opened(browser, width, scheme) as walk:
            found = {}
            for state, go in walk.states():
                go()
                found[state] = {name: walk.page.evaluate(code) for name, code in MEASURES.items()}
                self._shoot(walk.page, f"{state}-{width}-{scheme}.png")
        for state, measures in found.items():
            cells = "  ".join(f"{name} {len(each)}" for name, each in measures.items())
            print(f"{width:>5} {scheme:<6} {state:<10} {cells}")
            self._note(
                f"{width} {scheme} {state} {name}: {fault}"
                for name, each in measures.items()
                for fault in each
            )

    def _walk(self, browser: Browser) -> None:
        claims = [*browser_claims.CLAIMS, *browser_claims_kept.CLAIMS]
        for claim in [*claims, *(browser_claims_fake.CLAIMS if self.is_fake else [])]:
            with self._opened(browser, 1400, "light") as walk:
                try:
                    figure = claim(walk)
                except Exception as error:  # an assertion, or what the browser says
                    figure = None
                    line = traceback.extract_tb(error.__traceback__)[1].line
                    self._note([f"{claim.__name__}: {line}: {error}"])
            name = claim.__name__.replace("_", " ")
            print(f"{'ok' if figure is not None else 'FAULT':<6} {name}  {figure or ''}")

    def _opened(self, browser: Browser, width: int, scheme: str) -> Opened:
        return Opened(self, browser, width, scheme)

    def _shoot(self, page: Page, name: str) -> None:
        if self.shots is not None:
            self.shots.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=self.shots / name)

    def _note(self, faults: Any) -> None:
        self.faults.extend(itertools.islice(faults, 12))


class Opened:
    """A page in a window of its own; what it requests, or says on the console, is a fault."""

    def __init__(self, checker: Checker, browser: Browser, width: int, scheme: str) -> None:
        self._checker, self._browser, self._width, self._scheme = checker, browser, width, scheme

    def __enter__(self) -> Walk:
        is_local = self._checker.address.startswith("file:")
        self._context = self._browser.new_context(
            viewport={"width": self._width, "height": HEIGHT},
            color_scheme=self._scheme,  # type: ignore[arg-type]
            locale="en-GB",
            offline=is_local,
            accept_downloads=True,
        )
        self._requests: list[str] = []
        self._messages: list[str] = []
        page = self._context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda each: self._requests.append(each.url))
        page.on("console", lambda each: self._messages.append(each.text))
        page.on("pageerror", lambda each: self._messages.append(str(each)))
        return Walk(page, self._checker.address)

    def __exit__(self, *_: object) -> None:
        own = self._checker.address if self._checker.address.startswith("http") else "file:"
        outside = [each for each in self._requests if not each.startswith((own, "blob:", "data:"))]
        self._checker._note(f"request: {each}" for each in outside)
        # For a picture a driver adds a style of its own, which the page's policy stops.
        drivers = "style-src" if self._checker.shots else "\0"
        own_messages = [each for each in self._messages if drivers not in each]
        self._checker._note(f"console: {each}" for each in own_messages)
        self._context.close()


if __name__ == "__main__":
    sys.exit(main())
