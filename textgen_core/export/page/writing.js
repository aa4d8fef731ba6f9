// What a reader does with texts: write, go on, branch, import. Knows the state and the jobs, and no
// element but those of messages.
(function (page) {
  "use strict";

  const { say } = page.words;
  const { END } = page.tree;

  class Actions {
    // onFault(error): something was wrong before a request began.
    constructor({ state, jobs, info, onFault }) {
      Object.assign(this, { state, jobs, info, onFault });
    }

    // A text in every column that is shown, all from one prompt and one seed.
    write() {
      const { prompt, seed, shown, columns } = this.state.setup;
      this.jobs.cancelAll();
      const texts = columns.slice(0, shown).map(({ chain }, column) =>
        newText({ column, prompt, seed, samplers: chain }));
      this.state.addTexts("step.write", texts);
      texts.forEach((text) => this.jobs.start(text));
    }

    async goOn(place) {
      const { chain, current } = this.state.setup.columns[place];
      const parent = this.state.texts.get(current);
      const at = parent.tokens.length;
      await this.grow("step.continue", parent, at, { samplers: chain, seed: this.state.setup.seed });
    }

    // Go on from a token of the shown text with another in its place, or, without one, draw anew.
    async branch(place, index, alternative) {
      const { chain, current } = this.state.setup.columns[place];
      const { text, at } = page.tree.locate(this.state.texts, current, index);
      const { alternatives } = text.tokens[at];
      const chosen = alternative ? [{ ...alternative, alternatives }] : [];
      chosen.forEach((token) => delete token.kept);
      const seed = alternative ? this.state.setup.seed : randomSeed();
      const label = alternative ? "step.branch" : "step.again";
      await this.grow(label, text, at, { samplers: chain, seed, chosen });
    }

    async grow(label, parent, at, { samplers, seed, chosen = [] }) {
      this.jobs.cancel(parent.column);
      const text = newText({ column: parent.column, parent: parent.id, at, samplers, seed, chosen });
      try {
        await this.jobs.readPrompt(page.tree.rootOf(this.state.texts, parent.id));
      } catch (error) {
        this.onFault(error);
        return;
      }
      this.state.addTexts(label, [text]);
      if (chosen[0]?.id === END) {
        text.finish = "stop";
        this.state.tell();
      } else await this.jobs.start(text);
    }

    retry(place) {
      return this.jobs.retry(place);
    }

    showText(id) {
      this.jobs.cancel(this.state.texts.get(id).column);
      this.state.showText(id, "step.show");
    }

    removeText(id) {
      this.jobs.cancel(this.state.texts.get(id).column);
      this.state.removeText(id, "step.remove_text");
    }

    clear() {
      this.jobs.cancelAll();
      const columns = this.state.setup.columns.map(() => ({ chain: this.info.chain, current: null }));
      this.state.step("step.clear", { prompt: this.info.default_prompt ?? "", columns, shown: 1, stop: [], texts: [] });
    }

    // The texts of a file in the place of those shown, which undo brings back. Throws FileFault.
    open(content) {
      const { setup, texts, isOtherModel } = page.transfer.readFile(content, this.info);
      this.jobs.cancelAll();
      texts.forEach((text) => this.state.texts.set(text.id, text));
      this.state.step("step.import", setup);
      return isOtherModel;
    }
  }

  function newText({ column, parent = null, at = 0, prompt = "", seed, samplers, chosen = [] }) {
    const id = page.state.newId();
    const tokens = [...chosen];
    const promptIds = parent === null ? null : [];
    return { id, column, parent, at, prompt, promptIds, seed, samplers, tokens, chosen: tokens.length, finish: null };
  }

  const randomSeed = () => crypto.getRandomValues(new Uint16Array(1))[0];

  // What went wrong, in words that say what to do.
  function faultText(error) {
    if (error.status === 0) return say("fault.unreachable");
    if (error.status === 401) return say("fault.key");
    if (error.status === 429 || error.status === 503) return say("fault.busy");
    const message = error.message || say("fault.unknown");
    return error.status >= 500 ? say("fault.server", { message }) : say("fault.refused", { message });
  }

  page.writing = { Actions, randomSeed, faultText };
})((globalThis.textgenPage ??= {}));
