"""What a reader can do on the playground, as claims that `browser_check.py` tries one by one.

A claim is a function of a Walk; it raises AssertionError, or returns a figure to print.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

LONG = 10_000  # tokens
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
        self.tokens().nth(index).click(position={"x": 1, "y": 6}, force=True)
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


# ---- claims ------------------------------------------------------------------------------------


def a_text_appears_in_colour(walk: Walk) -> str:
    walk.write()
    assert walk.tokens().count() >= 2
    levels = {each for n in range(1, 6) if (each := walk.column().locator(f".s{n}").count())}
    assert levels, "no token has a colour"
    legend = walk.page.locator("#scale span")
    assert legend.count() == 6
    return f"{walk.tokens().count()} tokens"


def the_same_seed_gives_the_same_text_and_another_another(walk: Walk) -> str:
    walk.write()
    first = walk.text()
    walk.write()
    assert walk.text() == first
    walk.page.click("#new-seed")
    walk.write()
    assert walk.text() != first
    return "3 texts"


def a_token_shows_alternatives_with_probabilities_and_what_was_kept(walk: Walk) -> str:
    walk.write()
    panel = walk.open_token(5)
    rows = panel.locator("tbody tr")
    assert rows.count() >= 2
    assert "%" in rows.first.inner_text()
    assert panel.locator("td.stage").count() == rows.count() * panel.locator("th.stage").count()
    assert panel.locator("td.stage.kept").count() >= 1
    return f"{rows.count()} alternatives"


def an_alternative_goes_on_as_a_branch_and_undo_takes_it_back(walk: Walk) -> str:
    walk.write()
    first = walk.text()
    panel = walk.open_token(5)
    choice = panel.locator(".choice:not(:disabled)").first
    choice.click()
    walk.wait()
    branch = walk.text()
    assert branch != first
    assert walk.tokens().nth(5).get_attribute("class").find("chosen") >= 0
    assert walk.column().locator(".branches li").count() == 2
    walk.page.click("#undo")
    assert walk.text() == first
    walk.page.click("#redo")
    assert walk.text() == branch
    walk.unfold("branches")
    walk.column().locator(".branch").first.click()
    assert walk.text() == first
    return "2 branches"


def columns_have_one_prompt_and_seed_and_each_its_own_chain(walk: Walk) -> str:
    walk.set_columns(3)
    walk.write()
    texts = [walk.text(place) for place in range(3)]
    assert texts[0] == texts[1] == texts[2]
    second = walk.column(1)
    walk.unfold("chain-box", 1)
    second.locator(".adder select").select_option("greedy")
    second.locator(".adder button").click()
    walk.write()
    assert walk.text(0) == texts[0]
    assert walk.text(1) != texts[0]
    assert walk.column(3).is_hidden()
    return "3 columns"


def cards_come_from_the_declared_options(walk: Walk) -> str:
    column = walk.column()
    walk.unfold("chain-box")
    names = column.locator(".adder option").all_inner_texts()
    for name in names:
        column.locator(".adder select").select_option(name)
        column.locator(".adder button").click()
    info = walk.page.evaluate("window.textgenBackend.info()")
    declared = {each["name"]: each["options"] for each in info["samplers"]}
    cards = column.locator(".card")
    assert names == list(declared)
    shown = [
        cards.nth(len(info["chain"]) + n).locator(".option").count() for n in range(len(names))
    ]
    assert shown == [len(options) for options in declared.values()]
    # The last is moved before the one before it, and one is removed.
    before = cards.locator("strong").all_inner_texts()
    cards.last.locator("button").nth(0).click()
    after = column.locator(".card strong").all_inner_texts()
    assert after == [*before[:-2], before[-1], before[-2]]
    column.locator(".card").first.locator("button").nth(2).click()
    assert column.locator(".card").count() == len(before) - 1
    return f"{len(names)} samplers"


def a_value_that_is_not_allowed_is_refused_in_words(walk: Walk) -> str:
    walk.unfold("chain-box")
    walk.column().locator(".adder select").select_option("nucleus")
    walk.column().locator(".adder button").click()
    walk.fill(".card input[type=text]", "7")
    walk.page.keyboard.press("Tab")
    field = walk.column().locator(".card input[type=text]").first
    assert walk.column().locator(".fault:not(:empty)").first.inner_text()
    walk.page.click("#write")
    assert walk.tokens().count() == 0
    assert field.evaluate("(each) => each === document.activeElement")
    walk.fill("#length", "0")
    assert walk.page.locator("#length-fault").inner_text()
    return walk.column().locator(".fault:not(:empty)").first.inner_text()


def everything_works_by_keyboard(walk: Walk) -> str:
    page = walk.page
    walk.fill("#length", "40")
    page.focus("#prompt")
    page.keyboard.press("Control+Enter")
    walk.wait()
    first = walk.text()
    walk.column().locator(".text").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.tokenIndex") == 3
    page.keyboard.press("Enter")
    expect(page.locator("#token-panel")).to_be_visible()
    page.keyboard.press("ArrowRight")
    assert page.locator("#token-panel .panel-top .quiet").inner_text().startswith("5")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tokenIndex") == 4
    page.keyboard.press("Enter")
    while not page.evaluate("document.activeElement.matches('.choice')"):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    walk.wait()
    assert walk.text() != first
    page.keyboard.press("Control+z")
    assert walk.text() == first
    return "written, read, branched, undone"


def a_reload_brings_everything_back(walk: Walk) -> str:
    walk.fill("#prompt", "It was")
    walk.fill("#seed", "77")
    walk.set_columns(2)
    walk.write()
    walk.open_token(5).locator(".choice:not(:disabled)").first.click()
    walk.wait()
    texts = [walk.text(place) for place in range(2)]
    walk.page.wait_for_timeout(1200)
    walk.open()
    assert [walk.text(place) for place in range(2)] == texts
    assert walk.page.input_value("#prompt") == "It was"
    assert walk.page.input_value("#seed") == "77"
    assert walk.open_token(5).locator("tbody tr").count() >= 2
    walk.page.keyboard.press("Escape")
    walk.page.click("#undo")
    assert walk.text() != texts[0]
    return "2 columns, a branch, undo"


def an_exported_file_comes_back_and_a_bad_one_loses_nothing(walk: Walk) -> str:
    walk.write()
    text = walk.text()
    exported = export_file(walk)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.json"
        path.write_text(exported, encoding="utf-8")
        content = json.loads(exported)
        content["texts"][0]["tokens"][1]["id"] = "x"
        broken = Path(folder) / "broken.json"
        broken.write_text(json.dumps(content), encoding="utf-8")
        import_file(walk, broken)
        message = walk.page.locator("#notices p").inner_text()
        assert "texts[0].tokens[1].id" in message
        assert walk.text() == text
        walk.page.click("#clear")
        assert walk.tokens().count() == 0
        import_file(walk, path)
        expect(walk.tokens().first).to_be_visible()
    assert walk.text() == text
    return message


def export_file(walk: Walk) -> str:
    """Return what the page saves; a driver may not tell of a download from disk."""
    walk.page.evaluate(
        """() => {
      const create = URL.createObjectURL;
      URL.createObjectURL = (blob) => {
        window.saved = blob.text();
        return create.call(URL, blob);
      };
    }"""
    )
    if walk.page.context.browser.browser_type.name == "chromium":
        with walk.page.expect_download() as download:
            walk.page.click("#export")
        assert download.value.suggested_filename.endswith("-texts.json")
    else:
        walk.page.click("#export")
    return str(walk.page.evaluate("window.saved"))


def import_file(walk: Walk, path: Path) -> None:
    with walk.page.expect_file_chooser() as chooser:
        walk.page.click("#import")
    chooser.value.set_files(path)
    walk.page.wait_for_timeout(300)


def spanish_is_a_choice_that_stays(walk: Walk) -> str:
    walk.write()
    walk.page.select_option("#language", "es")
    assert walk.page.locator("#write").inner_text() == "Escribir"
    assert walk.page.evaluate("document.documentElement.lang") == "es"
    walk.open()
    assert walk.page.locator("#write").inner_text() == "Escribir"
    return walk.column().locator(".status").inner_text()


def scripts_can_generate(walk: Walk) -> str:
    call = (
        "window.textgen.generate({prompt: 'The', maxNewTokens: 12, seed: 3, samplers: ['greedy']})"
    )
    one, two = walk.page.evaluate(call), walk.page.evaluate(call)
    assert one == two
    assert len(one["tokenIds"]) == len(one["logProbabilities"]) <= 12
    assert one["text"]
    return repr(one["text"][:24])


def a_text_is_stopped_and_goes_on(walk: Walk) -> str:
    walk.fill("#length", str(walk.page.evaluate("document.getElementById('length').max")))
    walk.page.click("#write")
    expect(walk.tokens().first).to_be_visible(timeout=ANSWER)
    walk.page.click("#stop")
    walk.wait()
    count = walk.tokens().count()
    walk.page.wait_for_timeout(300)
    assert walk.tokens().count() == count
    walk.fill("#length", "20")
    walk.page.get_by_role("button", name="Continue").first.click()
    walk.wait()
    assert walk.tokens().count() > count
    return f"{count} tokens, then {walk.tokens().count()}"


CLAIMS = (
    a_text_appears_in_colour,
    the_same_seed_gives_the_same_text_and_another_another,
    a_token_shows_alternatives_with_probabilities_and_what_was_kept,
    an_alternative_goes_on_as_a_branch_and_undo_takes_it_back,
    columns_have_one_prompt_and_seed_and_each_its_own_chain,
    cards_come_from_the_declared_options,
    a_value_that_is_not_allowed_is_refused_in_words,
    everything_works_by_keyboard,
    a_reload_brings_everything_back,
    an_exported_file_comes_back_and_a_bad_one_loses_nothing,
    spanish_is_a_choice_that_stays,
    scripts_can_generate,
    a_text_is_stopped_and_goes_on,
)


# ---- claims on the backend without a model ---------------------------------------------------


def a_fault_is_said_in_words_and_tried_again(walk: Walk) -> str:
    said = []
    for fault in (
        {"status": 0},
        {"status": 429},
        {"status": 500, "message": "<b>no</b>"},
        {"status": 400, "message": "p cannot be 3."},
    ):
        walk.page.evaluate("(fault) => { window.fakeFault = { message: '', ...fault } }", fault)
        walk.page.click("#write")
        walk.wait()
        alert = walk.column().locator(".column-fault")
        said.append(alert.locator("p").inner_text())
        alert.locator("button").click()
        walk.wait()
        assert walk.tokens().count() > 0
        assert alert.locator("p").count() == 0
    assert len(set(said)) == len(said)
    return said[0]


def a_backend_that_is_away_at_first_is_tried_again(walk: Walk) -> str:
    walk.page.add_init_script(
        """let backend, isAway = true;
    Object.defineProperty(window, 'textgenBackend', {
      get: () => backend,
      set: (given) => {
        const info = given.info;
        given.info = async (model) => {
          if (!isAway) return info(model);
          isAway = false;
          throw Object.assign(new Error(''), { status: 0 });
        };
        backend = given;
      },
    });"""
    )
    walk.page.goto(walk.address)
    notice = walk.page.locator("#notices .notice")
    expect(notice).to_be_visible()
    said = notice.locator("p").inner_text()
    walk.page.select_option("#language", "es")
    walk.page.select_option("#language", "en")
    notice.locator("button").first.click()
    walk.page.evaluate("window.textgen.ready")
    walk.write()
    assert walk.tokens().count() > 0
    assert notice.count() == 0
    return str(said)


def foreign_texts_are_no_markup(walk: Walk) -> str:
    walk.fill("#prompt", "<img src=x onerror=alert(1)>")
    walk.write(400)
    walk.page.click("#about-open")
    assert walk.page.locator("img").count() == 0
    assert walk.page.locator("#about dd b").count() == 0
    return "shown as they are"


def without_storage_it_works_and_says_so(walk: Walk) -> str:
    walk.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('closed') }})"
    )
    walk.open()
    walk.write()
    walk.page.wait_for_timeout(1200)
    assert walk.tokens().count() > 0
    return walk.page.locator("#kept").inner_text()


def another_model_has_texts_of_its_own(walk: Walk) -> str:
    walk.write()
    text = walk.text()
    walk.page.select_option("#model", "letters")
    expect(walk.page.locator("h1")).to_have_text("letters")
    assert walk.tokens().count() == 0
    walk.page.select_option("#model", "fables")
    expect(walk.page.locator("h1")).to_have_text("fables")
    assert walk.text() == text
    return "2 models"


def a_long_text_streams_at_a_constant_time_for_each_token(walk: Walk) -> str:
    """The work of a token, with its layout, in the last thousand is that in the second."""
    times = walk.page.evaluate(
        """async (count) => {
      const column = textgenPage.main.session().columns[0];
      const { view } = column;
      const tokens = [];
      const request = {
        prompt: '', seed: 5, samplers: [], alternatives: 10, stop: [], max_new_tokens: count,
      };
      window.fakeHandful = 2000;
      while (tokens.length < count) {
        request.seed += 1;
        await window.textgenBackend.generate(request, (more) => tokens.push(...more)).done;
      }
      const times = [];
      for (let at = 0; at < count; at += 10) {
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        view.waiting.push(...tokens.slice(at, at + 10));
        view.flush();
        view.box.getBoundingClientRect();
        view.box.scrollHeight;
        times.push((performance.now() - start) / 10);
      }
      return times;
    }""",
        LONG,
    )
    early, late = (statistics.median(times[part]) for part in (slice(100, 200), slice(-100, None)))
    assert late < 2 * early + 0.05, f"{early:.3f} ms a token at first, {late:.3f} at the end"
    return f"{early:.3f} ms a token at first, {late:.3f} after {LONG:,}"


FAKE_CLAIMS = (
    a_fault_is_said_in_words_and_tried_again,
    a_backend_that_is_away_at_first_is_tried_again,
    foreign_texts_are_no_markup,
    without_storage_it_works_and_says_so,
    another_model_has_texts_of_its_own,
    a_long_text_streams_at_a_constant_time_for_each_token,
)
