// How much a token surprised the model, in bits, and the scale that shows it; the report's.
(function (page) {
  "use strict";

  const LIMITS = [1, 2, 4, 7, 11];

  // A log-probability that JSON cannot hold, minus infinity, arrives as null.
  const bitsOf = (logProbability) => (logProbability === null ? Infinity : -logProbability / Math.LN2);
  const probabilityOf = (logProbability) => (logProbability === null ? 0 : Math.exp(logProbability));
  const levelOf = (bits) => LIMITS.filter((limit) => bits >= limit).length;

  function meanBits(tokens) {
    const known = tokens.map((token) => bitsOf(token.log_probability)).filter(Number.isFinite);
    return known.length ? known.reduce((sum, bits) => sum + bits, 0) / known.length : null;
  }

  page.surprisal = { LIMITS, bitsOf, probabilityOf, levelOf, meanBits };
})((globalThis.textgenPage ??= {}));
