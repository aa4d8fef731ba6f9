// What each token adds to a text, in bytes, and which bytes may follow which in UTF-8.

const READY = 0, REFUSED = -1, UTF8_STATES = 8;

// Of each state the bytes that may come next, and the state after them: that says how many are missing.
const ANY = [0x80, 0xbf], AFTER = [
  [[0, 0x7f, 0], [0xc2, 0xdf, 1], [0xe0, 0xe0, 4], [0xe1, 0xec, 2], [0xed, 0xed, 5], [0xee, 0xef, 2],
    [0xf0, 0xf0, 6], [0xf1, 0xf3, 3], [0xf4, 0xf4, 7]],
  [[...ANY, 0]], [[...ANY, 1]], [[...ANY, 2]],
  [[0xa0, 0xbf, 1]], [[0x80, 0x9f, 1]], [[0x90, 0xbf, 2]], [[0x80, 0x8f, 2]],
];

function utf8After(state, byte) {
  const found = AFTER[state].find(([low, high]) => byte >= low && byte <= high);
  return found ? found[2] : REFUSED;
}

function utf8State(bytes, state = READY) {
  for (const byte of bytes) if (state !== REFUSED) state = utf8After(state, byte);
  return state;
}

/** Returns how many bytes at the end begin a character that is not complete. */
function openBytes(bytes) {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    if (utf8State(bytes.slice(-length)) > READY) return length;
  }
  return 0;
}

const asKey = (bytes) => String.fromCharCode(...bytes); // bytes as a text of as many characters

/** The bytes that each token adds after some token; special tokens add none. */
class TokenTable {
  constructor(added) {
    this.added = added;
    this.keys = added.map(asKey);
    this.ids = new Map();
    this.keys.forEach((key, id) => {
      if (key) this.ids.set(key, [...(this.ids.get(key) || []), id]);
    });
    this.longest = Math.max(0, ...this.keys.map((key) => key.length));
  }

  exactly(key) {
    return this.ids.get(key) || [];
  }

  /** Returns the tokens that add these bytes and more, in the order of their bytes. */
  beyond(key) {
    const found = [...this.ids.keys()].filter((each) => each.length > key.length && each.startsWith(key));
    return found.sort((a, b) => (a < b ? -1 : 1)).flatMap((each) => this.ids.get(each));
  }

  /** Returns the tokens that add a beginning of these bytes, the longest first, with its end. */
  within(key) {
    const ends = Array.from({ length: Math.max(0, key.length - 1) }, (_, less) => key.length - 1 - less);
    return ends.flatMap((end) => this.exactly(key.slice(0, end)).map((id) => [id, end]));
  }
}

class TokenBytes {
  constructor(tokenizer) {
    this.tokenizer = tokenizer;
    this.areBytes = tokenizer.decoders.some(({ type }) => type === "ByteLevel");
    this.tables = new Map();
    const first = Math.min(4, tokenizer.size - 1), steps = 15;
    this.probes = Array.from({ length: 16 }, (_, step) =>
      Math.trunc(first + ((tokenizer.size - 1 - first) * step) / steps));
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
      : this.textsAfter(last, names.map((_, id) => id)).map((text) => Array.from(encoder.encode(text)));
    return added.map((bytes, id) => (special.has(id) ? [] : bytes));
  }

  /** Returns for each state the state that each token leads to, or REFUSED. */
  utf8Follows() {
    if (!this.areBytes) return [new Int32Array(this.tokenizer.size)];
    const { added } = this.after([]);
    return Array.from({ length: UTF8_STATES }, (_, state) =>
      Int32Array.from(added, (bytes) => utf8State(bytes, state)));
  }

  get haveSeveralCharacters() {
    if (this.several === undefined) {
      const texts = this.after([]).added.map((bytes) => withoutErrors(bytes));
      const probed = this.areBytes ? [] : this.textsAfter([], this.probes);
      this.several = [...probed, ...texts].some((text) => Array.from(text).length > 1);
    }
    return this.several;
  }

  /** Returns whether a text that is encoded may hold two tokens side by side. */
  stayApart(first, second) {
    const { added } = this.after([START]);
    if (utf8State(added[first]) !== READY || utf8State(added[second]) !== READY) return true;
    const [one, other] = [bytesToText(added[first]), bytesToText(added[second])];
    const isOnly = (text, id) => String(this.tokenizer.encode(text)) === String(id);
    if (!isOnly(one, first) || !isOnly(other, second)) return true;
    return String(this.tokenizer.encode(one + other)) === `${first},${second}`;
  }
}

/** Returns the text of bytes, without those that are no character. */
function withoutErrors(bytes) {
  const text = bytesToText(bytes);
  return text.includes("\uFFFD") && asKey(bytes).indexOf("\xEF\xBF\xBD") < 0 ? text.replaceAll("\uFFFD", "") : text;
}
