"""What a reader sets, and what the page keeps, as claims that `browser_check.py` tries."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from export.browser_walk import Walk
from playwright.sync_api import expect


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


def a_text_ends_before_a_string_that_it_shall_stop_at(walk: Walk) -> str:
    prompt = len(walk.page.input_value("#prompt"))
    walk.write()
    whole = walk.text()[prompt:]
    pairs = [whole[place:][:2] for place in range(len(whole) // 2, len(whole) - 1)]
    stop = next(pair for pair in pairs if pair.isprintable())
    walk.fill("#ends", stop)
    walk.write()
    assert walk.text()[prompt:] == whole[: whole.index(stop)]
    walk.page.wait_for_timeout(1200)
    walk.open()
    assert walk.page.input_value("#ends") == stop
    assert json.loads(export_file(walk))["stop"] == [stop]
    walk.fill("#ends", "x" * 65)
    assert walk.page.locator("#ends-fault").inner_text()
    walk.page.click("#write")
    assert walk.page.evaluate("document.activeElement.id") == "ends"
    return repr(stop)


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


CLAIMS = (
    cards_come_from_the_declared_options,
    a_value_that_is_not_allowed_is_refused_in_words,
    a_text_ends_before_a_string_that_it_shall_stop_at,
    a_reload_brings_everything_back,
    an_exported_file_comes_back_and_a_bad_one_loses_nothing,
    spanish_is_a_choice_that_stays,
)
