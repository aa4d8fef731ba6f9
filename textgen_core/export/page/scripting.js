// What other scripts may call: `window.textgen.ready`, and `window.textgen.generate`.
(function (page) {
  "use strict";

  const KNOWN = ["prompt", "maxNewTokens", "seed", "samplers", "stop"];

  // {text, tokenIds, logProbabilities} of a text; what is not given is as on the page at first.
  async function generate(options = {}) {
    const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
    if (unknown) throw new TypeError(`${unknown} is no option. Allowed: ${KNOWN.join(", ")}.`);
    await window.textgen.ready;
    const { info } = page.main.session();
    const request = {
      model: info.model,
      prompt: options.prompt ?? "",
      max_new_tokens: options.maxNewTokens ?? Math.min(200, info.max_tokens),
      seed: options.seed ?? page.writing.randomSeed(),
      samplers: [options.samplers ?? info.chain].flat(),
      alternatives: 0,
      stop: [options.stop ?? []].flat(),
    };
    const done = await window.textgenBackend.generate(request, () => {}).done;
    return { text: done.text, tokenIds: done.token_ids, logProbabilities: done.log_probabilities };
  }

  window.textgen = {
    generate,
    get ready() {
      return page.main.ready; // another one after a failed start that was tried again
    },
  };
})((globalThis.textgenPage ??= {}));
