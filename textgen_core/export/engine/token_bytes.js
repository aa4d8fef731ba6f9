// What each token adds to a text, in bytes, and which bytes may follow which in UTF-8.

const READY = 0, REFUSED = -1, UTF8_STATES = 8;

// Of each state the bytes that may come next, and the state after them: that says how many are missing.
const ANY = [0x80, 0xbf], AFTER = [
  [[0, 0x7f, 0], [0xc2, 0xdf, 1], [0xe0, 0xe0, 4], [0xe1, 0xec, 2], [0xed, 0xed, 5], [0xee, 0xef, 2],
    [0xf0, 0xf0, 6], [0xf1, 0xf3, 3], [0xf4, 0xf4, 7]],
  [[...ANY, 0]], [[...ANY, 1]], [[...ANY, 2]],
  [[0xa0, 0xbf, 1]], [[0x80, 0x9f, 1]], [[0x90, 0xbf, 2]], [[0x80, 0x8f, 2]],
];

function utf8State(bytes, state = READY) {
  for (const byte of bytes) {
    const found = state === REFUSED ? null : AFTER[state].find(([low, high]) => byte >= low && byte <= high);
    state = found ? found[2] : REFUSED;
  }
  return state;
}

/** Returns how many bytes at the end begin a character that is not complete. */
const openBytes = (bytes) => [1, 2, 3].find((length) => utf8State(bytes.slice(-length)) > READY) || 0;

const asKey = (bytes) => String.fromCharCode(...bytes); // bytes as a text of as many characters

/** The bytes that each token adds after some token; special tokens add none. */
class TokenTable {
  constructor(added) {
    this.added = added;
    this.keys = added.map(asKey);
    this.longest = Math.max(...this.keys.map((key) => key.length));
    this.ids = new Map();
    this.keys.forEach((key, id) => { if (key) this.ids.set(key, [...this.exactly(key), id]); });
  }

  exactly(key) { return this.ids.get(key) || []; }

  /** Returns the tokens that add these bytes and more, in the order of their bytes. */
  beyond(key) {
    const found = [...this.ids.keys()].filter((each) => each.length > key.length && each.startsWith(key));
    return found.sort((a, b) => (a < b ? -1 : 1)).flatMap((each) => this.ids.get(each));
  }

  /** Returns the tokens that add a beginning of these bytes, the longest first, with its end. */
  within(key) {
    const ends = Array.from(key.slice(1), (_, less) => key.length - 1 - less);
    return ends.flatMap((end) => this.exactly(key.slice(0, end)).map((id) => [id, end]));
  }
}

class TokenBytes {
  constructor(tokenizer) {
    this.tokenizer = tokenizer;
    this.areBytes = tokenizer.isByteLevel;
    this.tables = new Map();
    const last = tokenizer.size - 1, first = Math.min(4, last), steps = 15;
    this.probes = Array.from({ length: 16 }, (_, step) => Math.trunc(first + ((last - first) * step) / steps));
  }

  /** Returns what each token adds after these, of which the last decides. */
  after(ids) {
    const last = this.areBytes ? [] : ids.slice(-1);
    const key = this.areBytes ? "" : JSON.stringify(this.textsAfter(last, this.probes));
    if (!this.tables.has(key)) this.tables.set(key, new TokenTable(this.addedAfter(last)));
    return this.tables.get(key);
  }

  textsAfter(last, ids) {
    const before = this.tokenizer.decode(last).length;
    return ids.map((id) => this.tokenizer.decode([...last, id]).slice(before));
  }

  addedAfter(last) {
    const { names, special } = this.tokenizer;
    const added = this.areBytes ? names.map(bytesOfName)
      : this.textsAfter(last, [...names.keys()]).map((text) => [...encoder.encode(text)]);
    return added.map((bytes, id) => (special.has(id) ? [] : bytes));
  }

  /** Returns for each state the state that each token leads to, or REFUSED. */
  utf8Follows() {
    if (!this.areBytes) return [new Int32Array(this.tokenizer.size)];
    const { added } = this.after([]), states = Array.from({ length: UTF8_STATES }, (_, state) => state);
    return states.map((state) => Int32Array.from(added, (bytes) => utf8State(bytes, state)));
  }

  get haveSeveralCharacters() {
    if (this.several === undefined) {
      const texts = this.after([]).added.map(withoutErrors);
      if (!this.areBytes) texts.push(...this.textsAfter([], this.probes));
      this.several = texts.some((text) => Array.from(text).length > 1);
    }
    return this.several;
  }

  /** Returns whether a text that is encoded may hold two tokens side by side. */
  stayApart(first, second) {
    const { added } = this.after([START]);
    if (utf8State(added[first]) !== READY || utf8State(added[second]) !== READY) return true;
    const [one, other] = [bytesToText(added[first]), bytesToText(added[second])];
    const isAs = (text, ...ids) => String(this.tokenizer.encode(text)) === String(ids);
    return !isAs(one, first) || !isAs(other, second) || isAs(one + other, first, second);
  }
}

/** Returns the text of bytes, without those that are no character. */
function withoutErrors(bytes) {
  const text = bytesToText(bytes);
  return asKey(bytes).includes("\xEF\xBF\xBD") ? text : text.replaceAll("\uFFFD", "");
}
