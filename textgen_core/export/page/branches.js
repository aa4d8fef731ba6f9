// The texts of a column as a tree: which goes on from where, which is shown.
(function (page) {
  "use strict";

  const { make, button, signButton } = page.elements;
  const { say, number } = page.words;
  const { outline, rootOf, shownText } = page.tree;

  const SNIPPET = 48; // characters
  const DEEPEST = 6; // levels that are set in

  class Branches {
    // onShow(id), onRemove(id)
    constructor(column, onShow, onRemove) {
      Object.assign(this, { column, onShow, onRemove });
      this.summary = make("summary");
      this.list = make("ul");
      this.element = make("details", { class: "branches", hidden: true }, this.summary, this.list);
    }

    // What is as it was is left alone, so that the focus stays where it is.
    show(texts, ids, current) {
      const rows = outline(texts, ids, this.column);
      const shown = JSON.stringify([current, page.words.language(), rows.map(({ text }) => [text.id, text.tokens.length])]);
      if (shown === this.shown) return;
      this.shown = shown;
      this.element.hidden = rows.length < 2;
      this.summary.textContent = say("branches", { count: rows.length });
      this.list.replaceChildren(...rows.map(({ text, depth }) => this.row(texts, text, depth, text.id === current)));
    }

    row(texts, text, depth, isCurrent) {
      const words = snippet(texts, text);
      const item = make("li", { class: `depth-${Math.min(depth, DEEPEST)}` },
        button("", () => this.onShow(text.id), { class: "branch", "aria-current": isCurrent ? "true" : null }),
        signButton("×", say("branch.remove", { text: words }), () => this.onRemove(text.id)));
      item.firstChild.append(
        make("span", { class: "snippet", lang: "", dir: "auto" }, words),
        make("small", {}, remark(text)));
      return item;
    }
  }

  function snippet(texts, text) {
    const own = shownText(text.tokens.slice(0, SNIPPET));
    const prompt = text.parent === null ? text.prompt : "";
    const line = `${prompt.slice(-SNIPPET / 2)}${own}`.replace(/\s+/g, " ").trim();
    const cut = line.length > SNIPPET ? `${line.slice(0, SNIPPET - 1)}…` : line;
    return `${text.parent !== null && rootOf(texts, text.id) !== text ? "… " : ""}${cut || say("branch.empty")}`;
  }

  function remark(text) {
    const tokens = say("count.tokens", { count: text.tokens.length });
    const seed = say("branch.seed", { seed: text.seed });
    return text.parent === null ? `${tokens} · ${seed}` : say("branch.from", { place: number(text.at + 1), tokens });
  }

  page.branches = { Branches };
})((globalThis.textgenPage ??= {}));
