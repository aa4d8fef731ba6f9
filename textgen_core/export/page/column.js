// One column: its chain of samplers, its text, how it went, and its branches.
(function (page) {
  "use strict";

  const { make, button } = page.elements;
  const { say, number } = page.words;
  const { pathOf, tokensOf, rootOf, forksOf, hasEnded } = page.tree;

  class Column {
    // actions: of the page, see writing.js. onFold(isOpen): the samplers were shown or folded.
    constructor(place, { state, jobs, info, actions, panel, onFold }) {
      Object.assign(this, { place, state, jobs, actions, panel });
      this.name = say("column", { number: place + 1 });
      this.view = new page.textView.TextView((index) => this.open(index));
      this.view.box.setAttribute("aria-label", say("text.label", { column: this.name }));
      this.cards = new page.cards.Cards(info.samplers, this.name, (chain, label, kind) =>
        state.setChain(place, chain, label, kind));
      this.branches = new page.branches.Branches(place,
        (id) => actions.showText(id), (id) => actions.removeText(id));
      this.chainLine = make("span", { class: "chain" });
      this.status = make("p", { class: "quiet status" });
      this.fault = make("div", { class: "column-fault", role: "alert" });
      this.more = button(say("continue"), () => actions.goOn(place), { "aria-label": `${say("continue")}: ${this.name}` });
      this.copy = button(say("copy"), () => this.copyText(), { "aria-label": `${say("copy")}: ${this.name}` });
      this.chainBox = make("details", { class: "chain-box", on: { toggle: () => onFold(this.chainBox.open) } },
        make("summary", {}, make("span", { class: "chain-title" }, say("chain")), " ", this.chainLine),
        this.cards.element);
      this.element = make("article", { class: "column", "aria-label": this.name },
        this.chainBox,
        make("div", { class: "column-text" }, this.view.box, this.fault, this.status,
          make("div", { class: "column-actions" }, this.more, this.copy)),
        this.branches.element);
      this.shownText = null;
      this.shownForks = "";
    }

    get own() {
      return this.state.setup.columns[this.place];
    }

    // Bring the column to the state; what is as it was is left alone.
    update() {
      const { chain, current } = this.own;
      const { texts, setup } = this.state;
      this.cards.show(chain);
      this.chainLine.textContent = chain.join(" → ") || say("chain.none");
      const forks = current ? forksOf(texts, setup.texts, current) : new Set();
      const forkNames = [...forks].join();
      if (current !== this.shownText || forkNames !== this.shownForks) this.showText(forks);
      this.shownForks = forkNames;
      this.branches.show(texts, setup.texts, current);
      this.showStatus();
    }

    showText(forks = new Set()) {
      const { current } = this.own;
      const { texts } = this.state;
      const isSame = current === this.shownText;
      const scroll = this.view.box.scrollTop;
      this.shownText = current;
      if (!current) return this.view.show("", [], {});
      const { prompt } = rootOf(texts, current);
      this.view.show(prompt, tokensOf(texts, current), { chosen: this.chosenPlaces(), forks });
      if (isSame) this.view.box.scrollTop = scroll;
      else if (texts.get(current).parent !== null) this.view.box.scrollTop = this.view.box.scrollHeight;
      return undefined;
    }

    chosenPlaces() {
      const chosen = new Set();
      let before = 0;
      for (const { text, count } of pathOf(this.state.texts, this.own.current)) {
        for (let each = 0; each < Math.min(text.chosen, count); each += 1) chosen.add(before + each);
        before += count;
      }
      return chosen;
    }

    append(tokens) {
      this.view.append(tokens);
      this.showStatus();
    }

    showStatus() {
      const { current } = this.own;
      const { texts } = this.state;
      const text = texts.get(current);
      const isRunning = this.jobs.running.has(this.place);
      this.element.classList.toggle("running", isRunning);
      this.view.box.setAttribute("aria-busy", String(isRunning));
      this.more.disabled = !text || isRunning || hasEnded(text.tokens);
      this.copy.disabled = !text;
      this.status.textContent = text ? this.statusLine(text, isRunning) : say("column.empty");
      this.showFault(text);
    }

    statusLine(text, isRunning) {
      const tokens = [...this.view.tokens, ...this.view.waiting]; // those not drawn yet too
      const parts = [say("count.tokens", { count: tokens.length })];
      const bits = isRunning ? null : page.surprisal.meanBits(tokens);
      if (bits !== null) parts.push(say("status.bits", { bits: number(bits, 2) }));
      const rate = this.jobs.rates.get(text.id);
      if (rate && !isRunning) parts.push(say("status.rate", { rate: number(rate) }));
      parts.push(isRunning ? say("status.writing") : say(`finish.${endOf(text)}`));
      parts.push(say("branch.seed", { seed: text.seed }));
      return parts.join(" · ");
    }

    showFault(text) {
      const fault = this.jobs.faults.get(this.place);
      const isShown = fault && fault.text === text;
      if (!isShown) return this.fault.replaceChildren();
      if (this.fault.fault === fault && this.fault.hasChildNodes()) return undefined;
      this.fault.fault = fault;
      return this.fault.replaceChildren(
        make("p", {}, page.writing.faultText(fault.error)),
        button(say("retry"), () => this.actions.retry(this.place)));
    }

    // ---- actions -------------------------------------------------------------------------------

    open(index) {
      if (index < 0 || index >= this.view.tokens.length) return;
      const { current } = this.own;
      const found = page.tree.locate(this.state.texts, current, index);
      this.view.focusToken(index);
      this.panel.open({
        view: this.view,
        index,
        samplers: this.samplersAt(found),
        isChosen: this.view.chosen.has(index),
        onContinue: (alternative) => this.actions.branch(this.place, index, alternative),
        onAgain: () => this.actions.branch(this.place, index, null),
        onMove: (other) => this.open(other),
      });
    }

    // A chosen token has the alternatives of the text that it left.
    samplersAt({ text, at }) {
      const { texts } = this.state;
      return at < text.chosen && text.parent !== null ? texts.get(text.parent).samplers : text.samplers;
    }

    async copyText() {
      const { current } = this.own;
      const { texts } = this.state;
      const whole = rootOf(texts, current).prompt + page.tree.shownText(tokensOf(texts, current));
      await page.files.copy(whole);
      page.elements.announce(say("copied"));
      this.copy.textContent = say("copied");
      setTimeout(() => (this.copy.textContent = say("copy")), 1500);
    }
  }

  function endOf(text) {
    if (hasEnded(text.tokens)) return "end";
    return ["stop", "length", "cancelled"].includes(text.finish) ? text.finish : "broken";
  }

  page.column = { Column };
})((globalThis.textgenPage ??= {}));
