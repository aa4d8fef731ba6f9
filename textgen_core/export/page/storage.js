// What survives a reload: the state in the browser's storage, by model, each text under a key.
//
// Where a browser forbids storage, as some do on pages from disk, nothing is kept and `works` says
// so. Where it is full, texts go without their alternatives. Of two windows the last that saves is
// the one that comes back; neither takes away the other's texts.
(function (page) {
  "use strict";

  const VERSION = 1;
  const STEPS_KEPT = 40;

  function openStorage() {
    try {
      const storage = window.localStorage;
      storage.setItem("textgen:test", "1");
      storage.removeItem("textgen:test");
      return storage;
    } catch {
      return null;
    }
  }

  class Keeper {
    constructor(info) {
      this.storage = openStorage();
      this.prefix = `textgen:${info.model}:${info.vocabulary_size}:`;
      this.kept = new Map(); // what was written of each text: its length and finish
      this.works = this.storage !== null;
    }

    load() {
      if (!this.works) return null;
      try {
        const kept = JSON.parse(this.storage.getItem(`${this.prefix}state`));
        if (kept?.version !== VERSION) return null;
        const setups = [kept.setup, ...[...kept.past, ...kept.future].map((each) => each.setup)];
        const texts = this.loadTexts(new Set(setups.flatMap((setup) => setup.texts)));
        const mend = (step) => ({ ...step, setup: withPresent({ stop: [], ...step.setup }, texts) });
        const { setup } = mend(kept);
        return new page.state.State(setup, texts, kept.past.map(mend), kept.future.map(mend));
      } catch {
        return null; // what another version wrote, or somebody changed
      }
    }

    // Texts that are gone, or whose parent is, are left out; parents come first.
    loadTexts(ids) {
      const texts = new Map();
      for (const id of ids) {
        const encoded = this.storage.getItem(this.keyOf(id));
        const text = encoded && page.encoding.decodeText(JSON.parse(encoded));
        if (!text || (text.parent !== null && !texts.has(text.parent))) continue;
        texts.set(id, text);
        this.kept.set(id, markOf(text));
      }
      return texts;
    }

    // Returns whether everything could be written.
    save(state) {
      if (!this.works) return false;
      try {
        this.write(state, { alternatives: true });
        return true;
      } catch {
        try {
          for (const id of this.kept.keys()) this.kept.set(id, null); // each is written again
          this.write(state, { alternatives: false });
          return true;
        } catch {
          return false;
        }
      }
    }

    write(state, options) {
      state.forgetUnreachable();
      this.removeForgotten(state);
      for (const text of state.texts.values()) {
        const isKept = this.keyOf(text.id) in this.storage;
        if (isKept && this.kept.get(text.id) === markOf(text)) continue;
        const encoded = JSON.stringify(page.encoding.encodeText(text, options));
        this.storage.setItem(this.keyOf(text.id), encoded);
        this.kept.set(text.id, markOf(text));
      }
      const { setup, past, future } = state;
      const steps = { past: past.slice(-STEPS_KEPT), future: future.slice(0, STEPS_KEPT) };
      this.storage.setItem(`${this.prefix}state`, JSON.stringify({ version: VERSION, setup, ...steps }));
    }

    removeForgotten(state) {
      for (const id of [...this.kept.keys()].filter((each) => !state.texts.has(each))) {
        this.storage.removeItem(this.keyOf(id));
        this.kept.delete(id);
      }
    }

    keyOf(id) {
      return `${this.prefix}text:${id}`;
    }
  }

  function withPresent(setup, texts) {
    const columns = setup.columns.map((column) =>
      (texts.has(column.current) ? column : { ...column, current: null }));
    return { ...setup, columns, texts: setup.texts.filter((id) => texts.has(id)) };
  }

  const markOf = (text) => `${text.tokens.length} ${text.finish}`;

  // A choice that holds for all models, such as the language.
  function keepChoice(name, value) {
    openStorage()?.setItem(`textgen:${name}`, value);
  }

  const keptChoice = (name) => openStorage()?.getItem(`textgen:${name}`) ?? null;

  page.storage = { Keeper, keepChoice, keptChoice };
})((globalThis.textgenPage ??= {}));
