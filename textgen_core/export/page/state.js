// What the page holds, with undo: a setup that is replaced at each step, and the texts it names.
//
// A setup: {prompt, seed, length, stop, shown, columns: [{chain, current}], texts: [id]}, where `stop`
// has the texts that end one. Setups are never changed, so that undo brings one back; tokens are only ever added to a text.
(function (page) {
  "use strict";

  const COLUMNS = 4;
  const MOST_STEPS = 100; // that can be undone

  function firstSetup({ prompt, seed, length, chain }) {
    const columns = Array.from({ length: COLUMNS }, () => ({ chain, current: null }));
    return { prompt, seed, length, stop: [], shown: 1, columns, texts: [] };
  }

  class State {
    constructor(setup, texts = new Map(), past = [], future = []) {
      Object.assign(this, { setup, texts, past, future });
      this.listeners = [];
      this.lastKind = null;
    }

    // A step that can be undone. Steps of one `kind` in a row, such as a slider's, are one.
    step(label, change, kind = null) {
      if (kind === null || kind !== this.lastKind) {
        this.past = [...this.past, { setup: this.setup, label }].slice(-MOST_STEPS);
      }
      this.future = [];
      this.setup = { ...this.setup, ...change };
      this.lastKind = kind;
      this.tell();
    }

    // What is typed: it can be undone in its field, and is no step here.
    adjust(change) {
      this.setup = { ...this.setup, ...change };
      this.lastKind = null;
      this.tell();
    }

    undo() {
      const last = this.past.at(-1);
      if (!last) return null;
      this.past = this.past.slice(0, -1);
      this.future = [{ setup: this.setup, label: last.label }, ...this.future];
      return this.show(last);
    }

    redo() {
      const next = this.future[0];
      if (!next) return null;
      this.future = this.future.slice(1);
      this.past = [...this.past, { setup: this.setup, label: next.label }];
      return this.show(next);
    }

    show({ setup, label }) {
      this.setup = setup;
      this.lastKind = null;
      this.tell();
      return label;
    }

    onChange(listener) {
      this.listeners.push(listener);
    }

    tell() {
      this.listeners.forEach((listener) => listener());
    }

    // ---- steps -------------------------------------------------------------------------------

    // The columns with those at some places changed.
    columnsWith(changes) {
      return this.setup.columns.map((column, place) => ({ ...column, ...changes[place] }));
    }

    setChain(place, chain, label, kind = null) {
      this.step(label, { columns: this.columnsWith({ [place]: { chain } }) }, kind);
    }

    // Add texts, each shown in its column.
    addTexts(label, added) {
      added.forEach((text) => this.texts.set(text.id, text));
      const changes = Object.fromEntries(added.map(({ id, column }) => [column, { current: id }]));
      const texts = [...this.setup.texts, ...added.map(({ id }) => id)];
      this.step(label, { columns: this.columnsWith(changes), texts });
    }

    showText(id, label) {
      const { column } = this.texts.get(id);
      this.step(label, { columns: this.columnsWith({ [column]: { current: id } }) });
    }

    // Take a text away with all that go on from it; its parent is shown in its place.
    removeText(id, label) {
      const gone = page.tree.withDescendants(this.texts, this.setup.texts, id);
      const { column, parent } = this.texts.get(id);
      const texts = this.setup.texts.filter((each) => !gone.has(each));
      const others = texts.filter((each) => this.texts.get(each).column === column);
      const isShown = gone.has(this.setup.columns[column].current);
      const changes = isShown ? { [column]: { current: parent ?? others.at(-1) ?? null } } : {};
      this.step(label, { columns: this.columnsWith(changes), texts });
    }

    // The texts that the setup or a step names; others can be forgotten.
    reachable() {
      const setups = [this.setup, ...[...this.past, ...this.future].map((each) => each.setup)];
      return new Set(setups.flatMap((setup) => setup.texts));
    }

    forgetUnreachable() {
      const kept = this.reachable();
      [...this.texts.keys()].filter((id) => !kept.has(id)).forEach((id) => this.texts.delete(id));
    }
  }

  const newId = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => (byte % 36).toString(36)).join("");

  page.state = { COLUMNS, State, firstSetup, newId };
})((globalThis.textgenPage ??= {}));
