"""What only a backend without a model can show: faults, foreign texts, a long text. Claims, too."""

from __future__ import annotations

import statistics

from export.browser_walk import Walk
from playwright.sync_api import expect

LONG = 10_000  # tokens


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


CLAIMS = (
    a_fault_is_said_in_words_and_tried_again,
    a_backend_that_is_away_at_first_is_tried_again,
    foreign_texts_are_no_markup,
    without_storage_it_works_and_says_so,
    another_model_has_texts_of_its_own,
    a_long_text_streams_at_a_constant_time_for_each_token,
)
