// The requests that are running, one for each column at most, and what went wrong with the last.
(function (page) {
  "use strict";

  const ALTERNATIVES = 10;

  class Jobs {
    // onTokens(text, tokens) as they arrive; onChange() when a request begins or ends.
    constructor({ backend, info, state, onTokens, onChange }) {
      Object.assign(this, { backend, info, state, onTokens, onChange });
      this.running = new Map(); // by column: {text, cancel}
      this.faults = new Map(); // by column: {text, error}
      this.rates = new Map(); // tokens a second, by text
    }

    get isRunning() {
      return this.running.size > 0;
    }

    // Write what follows a text's tokens, after those that the reader chose.
    async start(text) {
      this.cancel(text.column);
      this.faults.delete(text.column);
      text.tokens.length = text.chosen;
      text.finish = null;
      const job = { text, cancel: () => {} };
      this.running.set(text.column, job);
      this.onChange();
      try {
        const handle = this.backend.generate(this.requestFor(text), (tokens, promptIds) => {
          if (this.running.get(text.column) === job) this.receive(text, tokens, promptIds);
        });
        job.cancel = handle.cancel;
        const done = await handle.done;
        if (this.running.get(text.column) === job) await this.finish(text, done);
      } catch (error) {
        if (this.running.get(text.column) === job) this.faults.set(text.column, { text, error });
      }
      if (this.running.get(text.column) === job) {
        this.running.delete(text.column);
        this.onChange();
      }
    }

    requestFor(text) {
      const { texts, setup } = this.state;
      const isFirst = text.parent === null && text.tokens.length === 0;
      const ids = () => page.tree.idsBefore(texts, text.id, Infinity);
      return {
        model: this.info.model,
        ...(isFirst ? { prompt: text.prompt } : { prompt_ids: ids() }),
        max_new_tokens: setup.length,
        seed: text.seed,
        samplers: text.samplers,
        alternatives: ALTERNATIVES,
        stop: setup.stop,
      };
    }

    receive(text, tokens, promptIds) {
      if (promptIds) text.promptIds = promptIds;
      const complete = tokens.map((token) => ({ ...token, alternatives: token.alternatives ?? [] }));
      text.tokens.push(...complete);
      this.onTokens(text, complete);
    }

    async finish(text, done) {
      text.finish = done.finish_reason;
      if (done.tokens_per_second) this.rates.set(text.id, done.tokens_per_second);
      if (text.parent !== null) return;
      if (done.prompt_ids) text.promptIds = done.prompt_ids;
      await this.readPrompt(text);
    }

    // A text can only be gone on with if its prompt's ids are known.
    async readPrompt(text) {
      if (text.promptIds) return;
      const { tokens } = await this.backend.tokenize(text.prompt, this.info.model);
      text.promptIds = tokens.map((token) => token.id);
    }

    retry(column) {
      return this.start(this.faults.get(column).text);
    }

    // What has been written stays; a text that has nothing yet counts as cancelled, too.
    cancel(column) {
      const job = this.running.get(column);
      if (!job) return;
      job.cancel();
      job.text.finish = "cancelled";
      this.running.delete(column);
      this.onChange();
    }

    cancelAll() {
      [...this.running.keys()].forEach((column) => this.cancel(column));
    }
  }

  page.jobs = { Jobs };
})((globalThis.textgenPage ??= {}));
