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
    const began = performance.now(), ids = [], logs = [], pieces = [];
    const loop = engine.write(request), writer = loop.write();
    let reason = "cancelled", tokens = [];
    for (let until = performance.now() + SLICE; !cancelled.has(number); ) {
      const { done, value } = writer.next();
      if (done) { reason = value; break; }
      tokens.push(value);
      ids.push(value.id); logs.push(value.log_probability); pieces.push(value.text);
      if (ids.length > 1 && performance.now() < until) continue; // the first is shown at once
      send({ number, tokens, promptIds: loop.promptIds });
      tokens = [];
      await nextTask();
      until = performance.now() + SLICE;
    }
    if (tokens.length) send({ number, tokens, promptIds: loop.promptIds });
    const seconds = (performance.now() - began) / 1000;
    return {
      text: pieces.join(""), token_ids: ids, log_probabilities: logs, finish_reason: reason,
      prompt_ids: loop.promptIds,
      seed: request.seed, samplers: request.samplers, tokens_per_second: ids.length / seconds,
    };
  }

  return (message) => {
    const { number, method } = message;
    if (method === "cancel") { cancelled.add(number); return; }
    turn = turn.then(async () => { // one after the other: they share one state
      try {
        send({ number, result: await methods[method](message, number) });
      } catch (error) {
        send({ number, error: error.message, isRequest: error instanceof RequestError });
      }
      cancelled.delete(number);
    });
  };
}

/** Lets what waits be done: messages, and in a page a frame. */
function nextTask() {
  return new Promise((resume) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); resume(); };
    port2.postMessage(null);
  });
}

if (typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope) {
  const receive = startEngine((message) => postMessage(message));
  onmessage = ({ data }) => receive(data);
}
