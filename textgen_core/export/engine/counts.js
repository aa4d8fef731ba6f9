// Counts of n-grams: what follows each context by interpolated Kneser-Ney smoothing. The n-grams
// of each length are sorted by their context and last token, so that those of a context are a
// range, and the place of an n-gram is its id as a context.

class Counts {
  /** levels: of the lengths 1, 2 and so on, each with tokens, starts, discounted and left. */
  constructor({ levels, vocabularySize, weights }) {
    Object.assign(this, { levels, vocabularySize, weights });
    this.probabilities = new Float64Array(vocabularySize);
  }

  /** Returns the contexts before anything was read: the empty one alone is known. */
  fresh() {
    return [0, ...new Array(this.levels.length - 1).fill(-1)];
  }

  /** Returns the contexts of 0, 1, ... tokens after one more token. */
  follow(contexts, token) {
    const read = token === START ? END : token; // both begin a document
    const found = this.fresh();
    for (let length = 0; length + 1 < contexts.length && contexts[length] >= 0; length++) {
      found[length + 1] = findNgram(this.levels[length], contexts[length], read);
    }
    return found;
  }

  /** Returns the probability of every token, valid until the next call. */
  distribution(contexts) {
    const found = this.probabilities.fill(1 / this.vocabularySize);
    for (let length = 0; length < contexts.length && contexts[length] >= 0; length++) {
      const { tokens, starts, discounted, left } = this.levels[length];
      const context = contexts[length], share = left[context];
      for (let token = 0; token < found.length; token++) found[token] *= share;
      for (let place = starts[context]; place < starts[context + 1]; place++) {
        found[tokens[place]] += discounted[place];
      }
    }
    return found;
  }

  /** Adds to logits, in place, what the counts say after some contexts. */
  mixInto(logits, contexts) {
    const { network, counts } = this.weights, found = this.distribution(contexts);
    for (let token = 0; token < logits.length; token++) {
      const own = Math.fround(counts * Math.fround(Math.log(Math.max(found[token], LEAST))));
      logits[token] = own + Math.fround(network * logits[token]);
    }
  }
}

const LEAST = 1e-35; // a probability, so that its logarithm is finite

/** Returns the id of a context with a token more; -1: never seen. */
function findNgram({ tokens, starts }, context, token) {
  let low = starts[context], high = starts[context + 1];
  const end = high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tokens[middle] < token) low = middle + 1;
    else high = middle;
  }
  return low < end && tokens[low] === token ? low : -1;
}

/** Opens what the exporter kept: which n-grams there are, and how often the longest were counted. */
function openCounts(described, constants) {
  const { vocabulary_size: vocabularySize, weights, numbers } = described;
  const get = (number) => constants.get(number).data;
  const tokens = get(described.tokens);
  const levels = [{ tokens, starts: Int32Array.of(0, tokens.length), suffixes: new Int32Array(tokens.length) }];
  for (const each of described.levels) {
    const shorter = levels[levels.length - 1];
    levels.push(each.tokens === undefined
      ? openLevel(shorter, each.size, get(each.is_there), new Set(get(each.empty)))
      : openList(shorter, get(each.tokens), get(each.widths)));
  }
  if (numbers) {
    levels.forEach((level, place) => { [level.discounted, level.left] = numbers[place].map(get); });
  } else {
    const longest = Int32Array.from(get(described.counts)), [large, counts] = described.large.map(get);
    large.forEach((place, next) => { longest[place] = counts[next]; });
    levels.forEach((level, place) => smooth(level, countsOf(levels[place + 1], level.tokens.length) || longest));
  }
  const rounded = { network: Math.fround(weights.network), counts: Math.fround(weights.counts) };
  return new Counts({ levels, vocabularySize, weights: rounded });
}

/** Returns the n-grams of a length: those that are possible by shorter ones, and are there. */
function openLevel(shorter, size, isThere, empty) {
  const tokens = new Int32Array(size), suffixes = new Int32Array(size);
  const starts = new Int32Array(shorter.tokens.length + 1);
  let next = 0, bit = 0;
  shorter.suffixes.forEach((suffix, context) => {
    const first = shorter.starts[suffix], end = shorter.starts[suffix + 1], isOpen = end - first > 1;
    for (let possible = first; possible < end && !empty.has(context); possible++) {
      if (isOpen && !((isThere[bit >> 3] >> (bit++ & 7)) & 1)) continue;
      tokens[next] = shorter.tokens[possible];
      suffixes[next++] = possible;
    }
    starts[context + 1] = next;
  });
  return { tokens, starts, suffixes };
}

/** Returns the n-grams of a length that are told one by one. */
function openList(shorter, tokens, widths) {
  const starts = new Int32Array(widths.length + 1), suffixes = new Int32Array(tokens.length);
  widths.forEach((width, context) => {
    starts[context + 1] = starts[context] + width;
    for (let place = starts[context]; place < starts[context + 1]; place++) {
      suffixes[place] = findNgram(shorter, shorter.suffixes[context], tokens[place]);
    }
  });
  return { tokens, starts, suffixes };
}

/** Returns how many tokens come before each n-gram, by the longer ones; null if there are none. */
function countsOf(longer, size) {
  if (!longer) return null;
  const counts = new Int32Array(size);
  for (const suffix of longer.suffixes) counts[suffix] += 1;
  return counts;
}

/** Sets the discounted probabilities, and what is left to shorter contexts (Chen and Goodman 1999). */
function smooth(level, counts) {
  const taken = discountsOf(counts), { starts } = level, contexts = starts.length - 1;
  level.discounted = new Float32Array(counts.length);
  level.left = new Float32Array(contexts);
  for (let context = 0, sum = 0, before = 0; context < contexts; context++, before = sum) {
    let total = 0;
    for (let place = starts[context]; place < starts[context + 1]; place++) {
      total += counts[place];
      sum += taken[Math.min(counts[place], 3)];
    }
    const share = 1 / Math.max(total, 1);
    for (let place = starts[context]; place < starts[context + 1]; place++) {
      level.discounted[place] = (counts[place] - taken[Math.min(counts[place], 3)]) * share;
    }
    level.left[context] = total > 0 ? (sum - before) * share : 1;
  }
}

/** Returns what is taken from a count of 0, 1, 2, and 3 or more. */
function discountsOf(counts) {
  const often = [0, 0, 0, 0, 0];
  for (const count of counts) if (count < 5) often[count] += 1;
  const [, one, two, three, four] = often, usual = [0, 0.5, 1, 1.5];
  if (!(one && two && three)) return usual;
  const share = one / (one + 2 * two);
  const wanted = [0, 1 - (2 * share * two) / one, 2 - (3 * share * three) / two, 3 - (4 * share * four) / three];
  return wanted.map((each, count) => (Math.min(each, count) > 0 ? Math.min(each, count) : usual[count]));
}
