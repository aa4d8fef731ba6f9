// The engine's end of a conversation: messages come in, answers go out, in a worker or in the page.

const SLICE = 30; // milliseconds of writing between two looks at what has come in

/** Returns a function that takes messages; what they ask for is sent back with their number. */
function startEngine(send) {
  const cancelled = new Set();
  let engine = null, turn = Promise.resolve();

  const methods = {
    open: async ({ data }) => { engine = await openEngine(data); },
    tokenize: ({ text }) => engine.tokenize(text),
    generate: ({ request }, number) => writeAll(request, number),
  };

  async function writeAll(request, number) {
    const began = performance.now(), written = [];
    const loop = engine.write(request), writer = loop.write();
    let reason = null, sent = 0;
    while (reason === null) {
      const until = performance.now() + SLICE;
      do {
        const { done, value } = writer.next();
        if (done) reason = value;
        else written.push(value);
      } while (reason === null && sent && performance.now() < until); // the first is shown at once
      if (written.length > sent) send({ number, tokens: written.slice(sent), promptIds: loop.promptIds });
      sent = written.length;
      if (reason === null) await nextTask();
      if (reason === null && cancelled.has(number)) reason = "cancelled";
    }
    const seconds = (performance.now() - began) / 1000, { seed, samplers } = request;
    return {
      text: written.map(({ text }) => text).join(""), token_ids: written.map(({ id }) => id),
      log_probabilities: written.map((token) => token.log_probability), finish_reason: reason,
      prompt_ids: loop.promptIds, seed, samplers, tokens_per_second: written.length / seconds,
    };
  }

  return (message) => {
    const { number, method } = message;
    if (method === "cancel") { cancelled.add(number); return; }
    turn = turn.then(async () => { // one after the other: they share one state
      try {
        send({ number, result: await methods[method](message, number) });
      } catch (error) {
        send({ number, error: error.message });
      }
      cancelled.delete(number);
    });
  };
}

/** Lets what waits be done: messages, and in a page a frame. */
function nextTask() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resume) => {
    port1.onmessage = () => { port1.close(); resume(); };
    port2.postMessage(null);
  });
}

if (typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope) {
  const receive = startEngine((message) => postMessage(message));
  onmessage = ({ data }) => receive(data);
}
