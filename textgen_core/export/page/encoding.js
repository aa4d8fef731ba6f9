// Texts as the browser keeps them: a tenth of their size, since a page may hold 5 MB.
//
// A token becomes [id, text, log-probability, alternative...], and an alternative [id,
// log-probability, kept], with its text only where that is not the usual one of its id.
(function (page) {
  "use strict";

  const rounded = (number) => (number === null ? null : Math.round(number * 1e4) / 1e4);

  function encodeText(text, { alternatives = true } = {}) {
    const spellings = new Map();
    const encodeAlternative = ({ id, text: spelling, log_probability, kept }) => {
      if (!spellings.has(id)) spellings.set(id, spelling);
      const encoded = [id, rounded(log_probability), maskOf(kept)];
      return spellings.get(id) === spelling ? encoded : [...encoded, spelling];
    };
    const tokens = text.tokens.map((token) => [
      token.id,
      token.text,
      rounded(token.log_probability),
      ...(alternatives ? token.alternatives.map(encodeAlternative) : []),
    ]);
    return { ...text, tokens, spellings: [...spellings] };
  }

  function decodeText({ spellings, ...text }) {
    const known = new Map(spellings);
    const decodeAlternative = ([id, logProbability, mask, spelling]) => ({
      id,
      text: spelling ?? known.get(id),
      log_probability: logProbability,
      kept: keptOf(mask),
    });
    const tokens = text.tokens.map(([id, shown, logProbability, ...others]) => ({
      id,
      text: shown,
      log_probability: logProbability,
      alternatives: others.map(decodeAlternative),
    }));
    return { ...text, tokens };
  }

  // A bit for each sampler, the first the lowest, and a one above them all.
  const maskOf = (kept) => kept.reduceRight((mask, isKept) => mask * 2 + Number(isKept), 1);

  function keptOf(mask) {
    const kept = [];
    for (let rest = mask; rest > 1; rest = Math.floor(rest / 2)) kept.push(rest % 2 === 1);
    return kept;
  }

  page.encoding = { encodeText, decodeText };
})((globalThis.textgenPage ??= {}));
