// A text token by token, coloured by surprisal, which grows without growing slow.
//
// Tokens lie in chunks. A browser skips the chunks out of sight, and a new token only touches the
// last one; chunks end where lines do, so that they are not seen.
(function (page) {
  "use strict";

  const { make, perFrame } = page.elements;
  const { say, number, percent } = page.words;
  const { bitsOf, probabilityOf, levelOf } = page.surprisal;

  const CHUNK = 300; // tokens, from which on a chunk ends at the next end of a line
  const LONGEST = 1500; // tokens of a chunk without an end of a line in it
  const NEAR_END = 40; // pixels: a reader this near the end follows the text

  class TextView {
    // onOpen(index, span): a token was chosen.
    constructor(onOpen) {
      this.onOpen = onOpen;
      this.box = make("div", {
        class: "text tokens", lang: "", dir: "auto", tabindex: "0", role: "group",
        on: {
          click: (event) => this.click(event),
          keydown: (event) => this.press(event),
          pointerover: ({ target }) => this.describe(target.closest("[data-bits]")),
        },
      });
      this.flushSoon = perFrame(() => this.flush());
      this.show("", [], {});
    }

    show(prompt, tokens, { chosen = new Set(), forks = new Set() }) {
      Object.assign(this, { tokens: [], waiting: [], spans: [], chosen, forks, current: null });
      this.box.replaceChildren();
      this.beginChunk();
      if (prompt) this.chunk.append(make("b", {}, ...withLineEnds(prompt)));
      this.place(tokens);
      this.box.scrollTop = 0;
    }

    append(tokens) {
      this.waiting.push(...tokens);
      this.flushSoon();
    }

    flush() {
      const { scrollHeight, scrollTop, clientHeight } = this.box;
      const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
      this.place(this.waiting.splice(0));
      if (isAtEnd) this.box.scrollTop = this.box.scrollHeight;
    }

    place(tokens) {
      for (const token of tokens) {
        if (this.isChunkFull()) this.beginChunk();
        const span = spanOf(token);
        span.tokenIndex = this.tokens.length;
        if (this.chosen.has(span.tokenIndex)) span.classList.add("chosen");
        if (this.forks.has(span.tokenIndex)) span.classList.add("fork");
        this.tokens.push(token);
        this.spans.push(span);
        this.chunk.append(span);
        this.count += 1;
      }
    }

    isChunkFull() {
      if (this.count < CHUNK) return false;
      if (this.tokens.at(-1).text.endsWith("\n")) return true;
      if (this.count < LONGEST) return false;
      this.splitLastLine();
      return false;
    }

    beginChunk() {
      this.chunk = make("div", { class: "chunk" });
      this.count = 0;
      this.box.append(this.chunk);
    }

    // Begin a chunk with the last line as the window breaks it now.
    splitLastLine() {
      const last = this.spans.at(-1).offsetTop;
      let first = this.spans.length - 1;
      while (first > 0 && this.spans[first - 1].offsetTop === last) first -= 1;
      this.beginChunk();
      const moved = this.spans.slice(first);
      this.chunk.append(...moved);
      this.count = moved.length;
    }

    // ---- choosing a token ----------------------------------------------------------------------

    click({ target }) {
      const span = target.closest("[data-bits]");
      if (!span || !getSelection().isCollapsed) return; // who selects a passage wants to copy it
      this.focusToken(span.tokenIndex);
      this.onOpen(span.tokenIndex, span);
    }

    press(event) {
      const last = this.spans.length - 1;
      if (last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
      const at = this.current ?? this.firstInSight() - 1;
      const moves = { ArrowRight: at + 1, ArrowLeft: Math.max(0, at - 1), Home: 0, End: last };
      if (event.key in moves) this.focusToken(Math.min(moves[event.key], last));
      else if ((event.key === "Enter" || event.key === " ") && this.current !== null) {
        this.onOpen(this.current, this.spans[this.current]);
      } else return;
      event.preventDefault();
    }

    firstInSight() {
      if (this.box.scrollTop === 0) return 0;
      const { left, top, width } = this.box.getBoundingClientRect();
      const under = document.elementFromPoint(left + width / 3, top + 24);
      return under?.closest("[data-bits]")?.tokenIndex ?? 0;
    }

    // The token takes the place of the box among the stops of the Tab key.
    focusToken(index) {
      this.leaveToken();
      const span = this.spans[index];
      this.current = index;
      span.tabIndex = 0;
      span.setAttribute("role", "button");
      span.setAttribute("aria-label", tokenLabel(this.tokens[index]));
      span.focus();
      this.box.tabIndex = -1;
    }

    leaveToken() {
      const span = this.spans[this.current];
      ["tabindex", "role", "aria-label"].forEach((name) => span?.removeAttribute(name));
      this.current = null;
      this.box.tabIndex = 0;
    }

    describe(span) {
      if (span && !span.title) span.title = figures(this.tokens[span.tokenIndex]);
    }
  }

  function spanOf(token) {
    const bits = bitsOf(token.log_probability);
    const level = levelOf(bits);
    const span = document.createElement("span");
    if (level) span.className = `s${level}`;
    span.dataset.bits = Number.isFinite(bits) ? bits.toFixed(1) : "∞";
    if (token.text === "") span.append(sign(token.id === page.tree.END ? "∎" : "·"));
    span.append(...withLineEnds(token.text));
    return span;
  }

  // A text with a sign at each end of a line, which has no ground to colour by itself.
  const withLineEnds = (text) =>
    text.split("\n").flatMap((line, place) => (place ? [sign("↵"), "\n", line] : [line]));

  const sign = (text) => make("i", { "aria-hidden": "true" }, text);

  // What a token looks like on its own: its spaces and what is no text are named.
  function shownToken({ id, text }) {
    if (id === page.tree.END) return say("token.end");
    if (text === "") return say("token.part");
    return text.replaceAll("\n", "↵").replaceAll("\t", "⇥").replace(/^ +| +$/g, (run) => "␣".repeat(run.length));
  }

  const figures = ({ log_probability: own }) =>
    say("token.figures", { probability: percent(probabilityOf(own)), bits: bitsText(bitsOf(own)) });
  const bitsText = (bits) => (Number.isFinite(bits) ? number(bits, bits < 10 ? 2 : 1) : "∞");
  const tokenLabel = (token) => say("token.label", { token: shownToken(token), figures: figures(token) });

  page.textView = { TextView, shownToken, figures, bitsText };
})((globalThis.textgenPage ??= {}));
