"use strict";
// The page's backend without a server: the engine that the page holds, in a worker where that works.

(function () {
  const textOf = (id) => document.getElementById(id).textContent;
  const info = JSON.parse(textOf("textgen-info"));
  const calls = new Map(); // by number: what waits for an answer
  let last = 0;

  function receive({ number, tokens, promptIds, result, error }) {
    const call = calls.get(number);
    if (!call) return;
    if (tokens) { call.onTokens(tokens, promptIds); return; }
    calls.delete(number);
    if (error === undefined) call.resolve(result);
    else call.reject(new Error(error));
  }

  /** Returns what takes messages for the engine, opened in a worker, or in this page without one. */
  async function start() {
    const data = textOf("textgen-model").trim();
    try {
      return await opened(worker(`(${globalThis.textgenEngine})();`), data);
    } catch {
      return opened(globalThis.textgenEngine()(receive), data);
    }
  }

  function worker(source) {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const made = new Worker(address);
    made.onmessage = (event) => receive(event.data);
    made.onerror = (event) => {
      event.preventDefault();
      for (const number of [...calls.keys()]) receive({ number, error: event.message || "no worker" });
    };
    return (message) => made.postMessage(message);
  }

  async function opened(post, data) {
    await call(post, { method: "open", data });
    return post;
  }

  function call(post, message, onTokens = () => {}) {
    const number = (last += 1);
    const answer = new Promise((resolve, reject) => calls.set(number, { resolve, reject, onTokens }));
    post({ ...message, number });
    return answer;
  }

  const engine = start();

  window.textgenBackend = {
    info: async () => info,
    tokenize: async (text) => call(await engine, { method: "tokenize", text }),
    generate(request, onTokens) {
      let number = null, isCancelled = false;
      const whole = { samplers: info.chain, stop: [], alternatives: 0, ...request };
      if (whole.seed === undefined || whole.seed === null) whole.seed = Math.floor(Math.random() * 2 ** 32);
      const done = engine.then((post) => {
        const answer = call(post, { method: "generate", request: whole }, onTokens);
        number = last;
        if (isCancelled) post({ method: "cancel", number });
        return answer;
      });
      const cancel = () => {
        isCancelled = true;
        if (number !== null) engine.then((post) => post({ method: "cancel", number }));
      };
      return { done, cancel };
    },
  };
})();
