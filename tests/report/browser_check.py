"""Opens a report in a headless Chromium and says whether it reads as it should. Not a test.

    pip install playwright       # and a Chromium: playwright install chromium, or apt
    python tests/report/browser_check.py RUN/report.html
    python tests/report/browser_check.py RUN/report.html --chromium /usr/bin/chromium --shots DIR

With the network off, in light and in dark, 400 and 1,400 pixels wide, once without JavaScript, and
printed as PDF: no request but the page's own, no message on the console, every picture has a size,
nothing is wider than the window, no words of a picture lie on others, and every text stands out
from its ground (4.5 to 1, WCAG AA). Prints a table, and leaves with 1 if a row has a fault.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = (400, 1400)
SCHEMES = ("light", "dark")
HEIGHT = 900
SMALLEST_PDF = 10_000  # bytes: an empty page has about a tenth

# Pictures without a size (but curves within one, which may be flat); labels of one picture that
# overlap by more than a rounding; texts too pale for their ground.
PICTURES_WITHOUT_SIZE = """() => [...document.querySelectorAll('svg:not(svg svg)')].filter(
  (svg) => svg.checkVisibility() && !(svg.getBoundingClientRect().width > 0
    && svg.getBoundingClientRect().height > 0)).map((svg) => svg.outerHTML.slice(0, 80))"""
TOO_WIDE = """() => document.scrollingElement.scrollWidth > innerWidth
  ? [`${document.scrollingElement.scrollWidth} in ${innerWidth} pixels`] : []"""
OVERLAPS = """() => [...document.querySelectorAll('svg[role=img]')].flatMap((svg) => {
  const labels = [...svg.querySelectorAll('text')].map((text) =>
    [text.textContent, text.getBoundingClientRect()]);
  return labels.flatMap(([one, a], index) => labels.slice(index + 1).filter(([, b]) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3
  ).map(([other]) => `${svg.querySelector('title').textContent}: "${one}" on "${other}"`));
})"""
OUTSIDE = """() => [...document.querySelectorAll('svg text')].filter((text) => {
  const box = text.getBoundingClientRect();
  return box.width && (box.left < 0 || box.right > innerWidth);
}).map((text) => text.textContent)"""
PALE = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([red, green, blue]) => [red, green, blue].map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = channels(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const words = (element) => [...element.childNodes].some(
    (node) => node.nodeType === 3 && node.textContent.trim());
  const bars = (text) => text.closest('.bars') && text.parentElement.querySelector('.bar');
  return [...document.body.querySelectorAll('*')].filter(words).flatMap((element) => {
    if (!element.checkVisibility() || ['title', 'desc'].includes(element.tagName)) return [];
    const style = getComputedStyle(element), drawn = element.closest('svg');
    const ink = light(channels(drawn ? style.fill : style.color));
    const bar = drawn && bars(element);
    const under = light(bar ? channels(getComputedStyle(bar).fill) : ground(element));
    const contrast = (Math.max(ink, under) + 0.05) / (Math.min(ink, under) + 0.05);
    return contrast < 4.5 ? [`${contrast.toFixed(1)}: "${element.textContent.slice(0, 30)}"`] : [];
  });
}"""
CHECKS = {
    "size": PICTURES_WITHOUT_SIZE,
    "wide": TOO_WIDE,
    "overlap": OVERLAPS,
    "outside": OUTSIDE,
    "pale": PALE,
}


def main() -> int:
    """Check the page that the command line names."""
    parser = argparse.ArgumentParser(description="Open a report in Chromium and check it.")
    parser.add_argument("report", type=Path)
    parser.add_argument("--chromium", help="the browser, if it is not Playwright's own")
    parser.add_argument("--shots", type=Path, help="a folder for pictures of every section")
    given = parser.parse_args()
    address = given.report.resolve().as_uri()
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=given.chromium, args=["--no-sandbox"], chromium_sandbox=False
        )
        print("width  colours  script  " + "  ".join(["requests", "console", *CHECKS]))
        for width, scheme in itertools.product(WIDTHS, SCHEMES):
            faults += check_view(browser, address, width, scheme, given.shots)
        faults += check_without_script(browser, address)
        faults += check_print(browser, address, given.shots)
        browser.close()
    print(*faults, sep="\n")
    print(f"{given.report.stat().st_size:,} bytes; {len(faults)} faults")
    return 1 if faults else 0


def check_view(
    browser: Browser, address: str, width: int, scheme: str, shots: Path | None
) -> list[str]:
    """Return the faults of the page in a window of a width and a colour scheme."""
    page, requests, messages = open_page(browser, address, width, scheme)
    # What is folded away must read well, too.
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    found = {name: page.evaluate(check) for name, check in CHECKS.items()}
    counts = [len(requests), len(messages), *map(len, found.values())]
    names = ["requests", "console", *CHECKS]
    cells = [f"{count:>{len(name)}}" for name, count in zip(names, counts, strict=True)]
    print(f"{width:>5}  {scheme:<7}  on      " + "  ".join(cells))
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
        for section in page.query_selector_all("section"):
            name = f"{section.get_attribute('id')}-{width}-{scheme}.png"
            section.screenshot(path=shots / name)
    page.context.close()
    listed = {"requests": requests, "console": messages, **found}
    return [f"{width} {scheme} {name}: {each}" for name, all_ in listed.items() for each in all_]


def check_without_script(browser: Browser, address: str) -> list[str]:
    """Return a fault unless the page reads the same without JavaScript."""
    texts = []
    for script in (True, False):
        context = browser.new_context(offline=True, java_script_enabled=script)
        page = context.new_page()
        page.goto(address)
        texts.append(page.locator("body").inner_text())
        context.close()
    print(f"{'':>5}  {'':<7}  off     {'the same text' if texts[0] == texts[1] else 'differs'}")
    return [] if texts[0] == texts[1] else ["the text differs without JavaScript"]


def check_print(browser: Browser, address: str, shots: Path | None) -> list[str]:
    """Return a fault unless the page can be printed."""
    page, requests, messages = open_page(browser, address, WIDTHS[-1], "dark")
    content = page.pdf(format="A4", print_background=True, prefer_css_page_size=True)
    if shots is not None:
        (shots / "report.pdf").write_bytes(content)
    page.context.close()
    print(f"PDF: {len(content):,} bytes, {content.count(b'/Type /Page' + bytes([10]))} pages")
    small = [] if len(content) > SMALLEST_PDF else ["the printed page is empty"]
    return small + [f"print: {each}" for each in (*requests, *messages)]


def open_page(
    browser: Browser, address: str, width: int, scheme: str
) -> tuple[Page, list[str], list[str]]:
    """Return the page, the requests beyond its own, and what the console says."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    requests: list[str] = []
    messages: list[str] = []
    page.on("request", lambda each: requests.append(each.url))
    page.on("console", lambda each: messages.append(each.text))
    page.on("pageerror", lambda each: messages.append(str(each)))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    requests.remove(address)
    return page, requests, messages


if __name__ == "__main__":
    sys.exit(main())
