// What survives a reload: the state in the browser's storage, by model, each text under a key.
//
// Where a browser forbids storage, as some do on pages from disk, nothing is kept and `works` says
// so. Where it is full, texts go without their alternatives.
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
        const texts = new Map();
        const setups = [kept.setup, ...[...kept.past, ...kept.future].map((each) => each.setup)];
        for (const id of new Set(setups.flatMap((setup) => setup.texts))) {
          const text = page.encoding.decodeText(JSON.parse(this.storage.getItem(this.keyOf(id))));
          texts.set(id, text);
          this.kept.set(id, markOf(text));
        }
        return new page.state.State(kept.setup, texts, kept.past, kept.future);
      } catch {
        return null; // what another version wrote, or somebody changed
      }
    }

    // Returns whether everything could be written.
    save(state) {
      if (!this.works) return false;
      try {
        this.write(state, { alternatives: true });
        return true;
      } catch {
        try {
          this.kept.clear();
          this.write(state, { alternatives: false });
          return true;
        } catch {
          return false;
        }
      }
    }

    write(state, options) {
      state.forgetUnreachable();
      this.removeOthers(state);
      for (const text of state.texts.values()) {
        if (this.kept.get(text.id) === markOf(text)) continue;
        const encoded = JSON.stringify(page.encoding.encodeText(text, options));
        this.storage.setItem(this.keyOf(text.id), encoded);
        this.kept.set(text.id, markOf(text));
      }
      const { setup, past, future } = state;
      const steps = { past: past.slice(-STEPS_KEPT), future: future.slice(0, STEPS_KEPT) };
      this.storage.setItem(`${this.prefix}state`, JSON.stringify({ version: VERSION, setup, ...steps }));
    }

    removeOthers(state) {
      const keys = Array.from({ length: this.storage.length }, (_, n) => this.storage.key(n));
      const start = this.keyOf("");
      for (const key of keys.filter((each) => each.startsWith(start))) {
        const id = key.slice(start.length);
        if (state.texts.has(id)) continue;
        this.storage.removeItem(key);
        this.kept.delete(id);
      }
    }

    keyOf(id) {
      return `${this.prefix}text:${id}`;
    }
  }

  const markOf = (text) => `${text.tokens.length} ${text.finish}`;

  // A choice that holds for all models, such as the language.
  function keepChoice(name, value) {
    openStorage()?.setItem(`textgen:${name}`, value);
  }

  const keptChoice = (name) => openStorage()?.getItem(`textgen:${name}`) ?? null;

  page.storage = { Keeper, keepChoice, keptChoice };
})((globalThis.textgenPage ??= {}));
