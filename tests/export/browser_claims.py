"""What a reader writes and reads on the playground, as claims that `browser_check.py` tries.

A claim is a function of a Walk; it raises AssertionError, or returns a figure to print.
"""

from __future__ import annotations

from export.browser_walk import ANSWER, Walk
from playwright.sync_api import expect


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


def scripts_can_generate(walk: Walk) -> str:
    call = (
        "window.textgen.generate({prompt: 'The', maxNewTokens: 12, seed: 3, samplers: ['greedy']})"
    )
    one, two = walk.page.evaluate(call), walk.page.evaluate(call)
    assert one == two
    assert len(one["tokenIds"]) == len(one["logProbabilities"]) <= 12
    assert one["text"]
    return repr(one["text"][:24])


CLAIMS = (
    a_text_appears_in_colour,
    the_same_seed_gives_the_same_text_and_another_another,
    a_token_shows_alternatives_with_probabilities_and_what_was_kept,
    an_alternative_goes_on_as_a_branch_and_undo_takes_it_back,
    columns_have_one_prompt_and_seed_and_each_its_own_chain,
    everything_works_by_keyboard,
    a_text_is_stopped_and_goes_on,
    scripts_can_generate,
)
