"""A reader at the playground, in a browser: what `browser_check.py` and its claims can do there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from playwright.sync_api import Locator, Page, expect

TEXTS = "textgenPage.main.session().state.setup.texts.length"
ANSWER = 60_000  # milliseconds in which a text must be there


class Walk:
    """A reader at the page."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.open()

    def open(self) -> None:
        self.page.goto(self.address)
        self.page.evaluate("window.textgen.ready")

    # ---- doing -------------------------------------------------------------------------------

    def fill(self, field: str, value: str) -> None:
        """Type into a field, as `Page.fill` does not in every driver: events follow keys."""
        self.page.locator(field).first.focus()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(value)

    def write(self, length: int = 60) -> None:
        self.fill("#length", str(length))
        before = self.page.evaluate(TEXTS)
        self.page.click("#write")
        while self.page.evaluate(TEXTS) == before:
            self.page.wait_for_timeout(20)
        self.wait()

    def wait(self) -> None:
        """Wait until nothing is written any more."""
        self.page.wait_for_timeout(100)  # a browser may tell of a click before it is done
        expect(self.page.locator("#write")).to_be_visible(timeout=ANSWER)

    def column(self, place: int = 0) -> Locator:
        return self.page.locator(".column").nth(place)

    def tokens(self, place: int = 0) -> Locator:
        return self.column(place).locator("[data-bits]")

    def text(self, place: int = 0) -> str:
        return str(
            self.column(place)
            .locator(".text")
            .evaluate(
                "(box) => [...box.querySelectorAll('b, [data-bits]')].map((each) => "
                "[...each.childNodes].filter((node) => node.nodeType === 3)"
                ".map((node) => node.data).join('')).join('')"
            )
        )

    def open_token(self, index: int) -> Locator:
        token = self.tokens().nth(index)
        token.scroll_into_view_if_needed()
        # Where it begins: its box may reach over two lines, and what is in its corner be another.
        corner = "([first]) => [first.x + 1, first.y + 6]"
        self.page.mouse.click(*token.evaluate(f"(each) => ({corner})(each.getClientRects())"))
        panel = self.page.locator("#token-panel")
        expect(panel).to_be_visible()
        return panel

    def unfold(self, what: str, place: int = 0) -> None:
        """Open the samplers or the branches of a column."""
        details = self.column(place).locator(f"details.{what}")
        if details.get_attribute("open") is None:
            details.locator("summary").click()

    def set_columns(self, count: int) -> None:
        self.page.check(f'#columns input[value="{count}"]', force=True)

    def states(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """Yield the states in which the page is looked at, with what brings it there."""
        page = self.page

        def chain() -> None:
            self.unfold("chain-box")
            page.locator(".adder button").first.click()

        def branch() -> None:
            page.locator("#token-panel .choice:not(:disabled)").first.click()
            self.wait()
            self.unfold("branches")

        def columns() -> None:
            page.check('#marking input[value="colour"]', force=True)
            self.set_columns(3)
            self.write()
            page.locator("#texts").scroll_into_view_if_needed()

        def spanish() -> None:
            page.locator("#about button").click()
            page.select_option("#language", "es")

        yield "first", lambda: None
        yield "chain", chain
        yield "text", self.write
        yield "panel", lambda: self.open_token(12)
        yield "branch", branch
        yield "bits", lambda: page.check('#marking input[value="bits"]', force=True)
        yield "columns", columns
        yield "about", lambda: page.click("#about-open")
        yield "spanish", spanish
