// A backend without a model, for the page's checks: words by a fixed rule and a seed, so that the
// same request gives the same text. `window.fakeFault` makes the next request fail, `fakePause` is
// the time between two handfuls of tokens, `fakeHandful` how many tokens each has.
(function () {
  "use strict";

  const WORDS = ["<PAD>", "<UNK>", "<START>", "<END>", "\n", ".", ",", " the", " a", " king", " queen", " tower",
    " sea", " said", " went", " to", " of", " and", " old", " night", "<img src=x onerror=alert(1)>", " s", "é", " 日本", ""];
  const CHUNK = 8;

  function random(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x9e3779b9) >>> 0;
      const mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      const again = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return ((again ^ (again >>> 15)) >>> 0) / 4294967296;
    };
  }

  function distribution(last) {
    const weights = WORDS.map((_, id) => (id < 3 ? 0 : id === 3 ? 0.002 : 1 / (1 + ((id * 7 + last * 5) % (WORDS.length - 3)) ** 2)));
    const sum = weights.reduce((all, weight) => all + weight, 0);
    return weights.map((weight) => weight / sum);
  }

  function draw(request, ids, next) {
    const probabilities = distribution(ids.at(-1) ?? 2);
    const order = probabilities.map((_, id) => id).sort((a, b) => probabilities[b] - probabilities[a]);
    const keptBy = request.samplers.map((spec, place) => (id) => order.indexOf(id) < Math.max(2, 12 - 3 * place - (spec.includes("top-k") ? 6 : 0)));
    const allowed = order.filter((id) => probabilities[id] > 0 && keptBy.every((kept) => kept(id)));
    let rest = next() * allowed.reduce((sum, id) => sum + probabilities[id], 0);
    const id = allowed.find((each) => (rest -= probabilities[each]) < 0) ?? allowed[0];
    const described = (each) => ({ id: each, text: each < 4 ? "" : WORDS[each], log_probability: probabilities[each] ? Math.log(probabilities[each]) : null });
    return {
      ...described(id),
      alternatives: order.slice(0, request.alternatives).map((each) => ({ ...described(each), kept: keptBy.map((kept) => kept(each)) })),
    };
  }

  // Whether one of some strings is at the end; it is taken away from the tokens' texts.
  function endsAt(stop, tokens) {
    const text = tokens.map((token) => token.text).join("");
    const places = stop.map((each) => text.indexOf(each)).filter((place) => place >= 0);
    let left = places.length ? Math.min(...places) : text.length;
    for (const token of tokens) {
      token.text = token.text.slice(0, left);
      left -= token.text.length;
    }
    return places.length > 0;
  }

  const tokenize = (text) => [...text].map((character) => ({ id: 4 + (character.codePointAt(0) % (WORDS.length - 5)), text: character }));

  function generate(request, onTokens) {
    let isCancelled = false;
    const write = async () => {
      if (window.fakeFault) {
        const fault = Object.assign(new Error(window.fakeFault.message), window.fakeFault);
        window.fakeFault = null;
        throw fault;
      }
      const promptIds = request.prompt_ids ?? tokenize(request.prompt).map((token) => token.id);
      const ids = [...promptIds];
      const next = random(request.seed);
      const tokens = [];
      let finish = "length";
      while (tokens.length < request.max_new_tokens && finish === "length") {
        const drawn = [];
        const handful = request.stop.length ? Infinity : (window.fakeHandful ?? CHUNK); // a stop string may span some
        while (drawn.length < handful && tokens.length + drawn.length < request.max_new_tokens && finish === "length") {
          drawn.push(draw(request, ids, next));
          ids.push(drawn.at(-1).id);
          if (ids.at(-1) === 3 || endsAt(request.stop, [...tokens, ...drawn])) finish = "stop";
        }
        await new Promise((resume) => setTimeout(resume, window.fakePause ?? 4));
        if (isCancelled) return { finish_reason: "cancelled" };
        onTokens(drawn, promptIds);
        tokens.push(...drawn);
      }
      return {
        text: tokens.map((token) => token.text).join(""), token_ids: tokens.map((token) => token.id),
        log_probabilities: tokens.map((token) => token.log_probability), finish_reason: finish,
        seed: request.seed, samplers: request.samplers, tokens_per_second: 1234, prompt_ids: promptIds,
      };
    };
    return { done: write(), cancel: () => (isCancelled = true) };
  }

  const option = (name, type, rules) => ({ name, type, default: null, at_least: null, at_most: null, above: null, below: null, choices: [], help: "", ...rules });
  const samplers = [
    { name: "greedy", summary: "Keep the most probable token only.", options: [] },
    { name: "nucleus", summary: "Keep the most probable tokens that together reach the probability p.", options: [option("p", "float", { default: 0.9, above: 0, at_most: 1, help: "the probability that the kept tokens reach" })] },
    { name: "temperature", summary: "Divide the logits by a temperature.", options: [option("t", "float", { default: 1, above: 0, help: "the temperature: 1 changes nothing, near 0 is greedy" })] },
    { name: "top-k", summary: "Keep the k most probable tokens.", options: [option("k", "int", { default: 40, at_least: 1, at_most: 2147483647, help: "how many tokens are kept" })] },
    { name: "stranger", summary: "A third party's <b>sampler</b>, with an option of each type.", options: [
      option("mode", "str", { default: "soft", choices: ["soft", "hard"], help: "how it goes about it" }),
      option("strict", "bool", { default: false, help: "whether it is strict" }),
      option("last", "int", { default: null, at_least: 1, at_most: 1000000, help: "how many of the last tokens count; none: all of them" }),
      option("words", "str", { default: "a, b", help: "words that it favours" })] },
  ];

  window.textgenBackend = {
    info: async (model = null) => ({
      models: ["fables", "letters"], model: model ?? "fables", architecture: "transformer", tokenizer: "bpe",
      vocabulary_size: WORDS.length, context_length: 256, parameters: 3536582, step: 1200,
      trained_on: ["fables.txt", "<b>letters</b>.txt"], bits_per_byte: 1.912, split: "test", default_prompt: "Once upon a time",
      max_tokens: 20000, chain: ["nucleus:p=0.9"], samplers, notices: ["The text was split by lines."],
    }),
    tokenize: async (text) => ({ tokens: tokenize(text) }),
    generate,
  };
})();
