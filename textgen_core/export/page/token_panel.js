// What the model might have written in place of a token, and what every sampler kept of it.
(function (page) {
  "use strict";

  const { make, button, signButton, byId } = page.elements;
  const { say, number, percent } = page.words;
  const { shownToken, figures } = page.textView;
  const { probabilityOf } = page.surprisal;
  const { parseSpec } = page.specs;

  const MARGIN = 8; // pixels between the panel and its token, or the window

  class TokenPanel {
    constructor() {
      this.element = byId("token-panel");
      this.opened = null;
      this.element.addEventListener("keydown", (event) => this.press(event));
      document.addEventListener("pointerdown", ({ target }) => {
        if (!this.element.contains(target) && !target.closest?.("[data-bits]")) this.close();
      });
      window.addEventListener("resize", () => this.close());
    }

    // opened: {view, index, samplers, isChosen, onContinue(alternative), onAgain(), onMove(index)}
    open(opened) {
      this.opened = opened;
      const { view, index, samplers } = opened;
      const token = view.tokens[index];
      const title = say("panel.title", { token: shownToken(token) });
      this.element.setAttribute("aria-label", title);
      this.element.replaceChildren(
        this.header(token, index, view.tokens.length),
        make("p", { class: "panel-figures" }, figures(token), this.remark(token)),
        token.alternatives.length
          ? this.table(token, samplers)
          : make("p", { class: "quiet" }, say("panel.none")),
        make("p", { class: "panel-actions" },
          button(say("panel.again"), () => this.leaveFor(opened.onAgain))));
      this.element.hidden = false;
      document.body.classList.add("with-panel");
      this.moveTo(view.spans[index]);
      this.element.querySelector("button").focus({ preventScroll: true });
    }

    remark(token) {
      if (this.opened.isChosen) return ` · ${say("panel.chosen")}`;
      const rank = token.alternatives.findIndex((each) => each.id === token.id);
      return rank < 0 ? "" : ` · ${say("panel.rank", { rank: number(rank + 1) })}`;
    }

    header(token, index, count) {
      const { onMove } = this.opened;
      return make("div", { class: "panel-top" },
        signButton("×", say("panel.close"), () => this.close(), { class: "sign close" }),
        make("strong", { lang: "", dir: "auto" }, shownToken(token)),
        make("span", { class: "quiet" }, say("panel.place", { place: number(index + 1), all: number(count) })),
        signButton("←", say("panel.previous"), () => onMove(index - 1), { disabled: index === 0 }),
        signButton("→", say("panel.next"), () => onMove(index + 1), { disabled: index === count - 1 }));
    }

    table(token, samplers) {
      const stages = samplers.slice(0, token.alternatives[0].kept.length);
      const heads = stages.map((spec) => make("th", { scope: "col", class: "stage", title: spec }, parseSpec(spec).name));
      const caption = make("caption", {}, say(stages.length ? "panel.caption" : "panel.caption.plain"));
      return make("div", { class: "wide" }, make("table", {}, caption,
        make("thead", {}, make("tr", {},
          make("th", { scope: "col" }, say("panel.token")),
          make("th", { scope: "col" }, say("panel.probability")), ...heads)),
        make("tbody", {}, ...token.alternatives.map((each) => this.row(each, token)))));
    }

    row(alternative, token) {
      const isWritten = alternative.id === token.id;
      const shown = shownToken(alternative);
      const choice = isWritten
        ? make("span", { class: "written", lang: "", dir: "auto" }, shown)
        : button(shown, () => this.leaveFor(() => this.opened.onContinue(alternative)), {
          class: "choice", lang: "", dir: "auto",
          "aria-label": say("panel.continue", { token: shown }), title: say("panel.continue", { token: shown }),
          disabled: alternative.id < page.tree.END, // never drawn, and nothing goes on from it
        });
      const probability = probabilityOf(alternative.log_probability);
      const bar = make("span", { class: "share", "aria-hidden": "true" });
      bar.style.inlineSize = `${(100 * probability).toFixed(1)}%`;
      return make("tr", { class: isWritten ? "own" : null, "aria-current": isWritten ? "true" : null },
        make("th", { scope: "row" }, choice),
        make("td", { class: "number" }, bar, percent(probability)),
        ...alternative.kept.map(mark));
    }

    // ---- place and keys ------------------------------------------------------------------------

    // Beneath the token, or above it where there is more room; a narrow window has it at its foot.
    moveTo(span) {
      const { style } = this.element;
      style.insetInlineStart = style.insetBlockStart = style.maxBlockSize = "";
      const token = span.getBoundingClientRect();
      const panel = this.element.getBoundingClientRect();
      if (matchMedia("(max-width: 40rem)").matches) {
        if (token.bottom + MARGIN > panel.top) scrollBy(0, token.bottom - panel.top + 5 * MARGIN);
        return;
      }
      const left = Math.min(token.left, innerWidth - panel.width - MARGIN);
      const below = innerHeight - token.bottom - 2 * MARGIN;
      const above = token.top - 2 * MARGIN;
      const isBelow = below >= panel.height || below >= above;
      const height = Math.min(panel.height, isBelow ? below : above);
      style.insetInlineStart = `${Math.max(MARGIN, left)}px`;
      style.insetBlockStart = `${isBelow ? token.bottom + MARGIN : token.top - MARGIN - height}px`;
      style.maxBlockSize = `${height}px`;
    }

    press(event) {
      if (event.key === "Escape") this.close();
      else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        const { index, view, onMove } = this.opened;
        const to = index + (event.key === "ArrowLeft" ? -1 : 1);
        if (to >= 0 && to < view.tokens.length) onMove(to);
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const choices = [...this.element.querySelectorAll("button:not(:disabled)")];
        const at = choices.indexOf(document.activeElement) + (event.key === "ArrowUp" ? -1 : 1);
        choices.at(at % choices.length).focus();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    }

    leaveFor(action) {
      this.close();
      action();
    }

    close() {
      if (this.element.hidden) return;
      const { view, index } = this.opened;
      const hadFocus = this.element.contains(document.activeElement);
      this.element.hidden = true;
      document.body.classList.remove("with-panel");
      if (hadFocus && view.spans[index]) view.focusToken(index);
    }
  }

  function mark(isKept) {
    return make("td", { class: isKept ? "stage kept" : "stage" },
      make("span", { "aria-hidden": "true" }, isKept ? "✓" : "–"),
      make("span", { class: "unseen" }, say(isKept ? "panel.kept" : "panel.dropped")));
  }

  page.tokenPanel = { TokenPanel };
})((globalThis.textgenPage ??= {}));
