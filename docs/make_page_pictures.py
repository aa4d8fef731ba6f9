"""Makes the pictures of the playground that the guides show.

    textgen serve runs/ferry
    python docs/make_page_pictures.py http://127.0.0.1:8000
    python docs/make_page_pictures.py ferry.html

Of a server: `playground.png`, with the likely tokens at one place, and `temperatures.png`, three of
them side by side. Of an exported page: `exported.png`, as a phone shows it. Needs Playwright (`pip
install playwright`) and a Chromium on PATH.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTH, PHONE, HEIGHT = 1100, 400, 780  # CSS pixels, and those of the picture
LARGEST = 160_000  # bytes
PROMPT, SEED, LENGTH = "In the morning", 3, 60
TEMPERATURES = (0.3, 0.8, 1.5)
SECONDS = 120


def main() -> int:
    """Make the pictures of the page that the command line names."""
    parser = argparse.ArgumentParser(description="Make the pictures of the playground.")
    parser.add_argument("page", help="the address of a server, or an exported file")
    parser.add_argument("--out", type=Path, default=PICTURES, help="the folder of the pictures")
    given = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"No Chromium was found on PATH: {', '.join(BROWSERS)}.", file=sys.stderr)
        return 1
    is_file = "://" not in given.page
    address = Path(given.page).resolve().as_uri() if is_file else given.page
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, make in (OF_A_FILE if is_file else OF_A_SERVER).items():
            size = {"width": PHONE if is_file else WIDTH, "height": HEIGHT}
            scheme = "dark" if is_file else "light"
            page = chromium.new_page(viewport=size, locale="en", color_scheme=scheme)
            page.set_default_timeout(SECONDS * 1000)
            page.goto(address)
            page.evaluate("window.textgen.ready")
            path = given.out / f"{name}.png"
            make(page).screenshot(path=path)
            page.close()
            print(f"{path}: {path.stat().st_size:,} bytes")
            if path.stat().st_size > LARGEST:
                print(f"That is more than {LARGEST:,} bytes.", file=sys.stderr)
                return 1
    return 0


def write(page: Page) -> None:
    """Fill in the request, and wait until its texts are there."""
    page.fill("#prompt", PROMPT)
    page.fill("#length", str(LENGTH))
    page.fill("#seed", str(SEED))
    page.click("#write")
    page.locator(".column:visible .text .chunk span").nth(LENGTH // 2).wait_for()
    page.wait_for_selector("#stop", state="hidden")


def show_choice(page: Page) -> Page:
    """Open what stood beside a token to choose from; return what is shown."""
    write(page)
    page.locator(".column:visible .text .chunk span").nth(3).click()
    page.wait_for_selector("#token-panel:not([hidden])")
    return page


def show_text(page: Page) -> Page:
    """Show a text; return what is shown."""
    write(page)
    page.locator("#marking").scroll_into_view_if_needed()
    return page


def show_temperatures(page: Page) -> Locator:
    """Write with a temperature in each column; return what is shown, the texts."""
    page.locator("#columns label", has_text=str(len(TEMPERATURES))).click()
    for number, temperature in enumerate(TEMPERATURES):
        column = page.locator(".column").nth(number)
        chain = column.locator(".chain-box")
        if chain.get_attribute("open") is None:
            chain.locator("summary").click()
        chain.get_by_title("Remove nucleus", exact=True).click()
        chain.locator(".adder select").select_option("temperature")
        chain.locator(".adder button").click()
        chain.locator("input[type=text]").fill(str(temperature))
        chain.locator("summary").click()
    write(page)
    return page.locator("#texts")


OF_A_SERVER = {"playground": show_choice, "temperatures": show_temperatures}
OF_A_FILE = {"exported": show_text}


if __name__ == "__main__":
    sys.exit(main())
