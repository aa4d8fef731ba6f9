// A tokenizer as the exporter describes it. The names of special tokens in a text are ordinary text.

const PAD = 0, UNK = 1, START = 2, END = 3;
const SPECIAL = new Set([PAD, START, END]); // ids that no text holds

const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const bytesToText = (bytes) => decoder.decode(Uint8Array.from(bytes));

/** GPT-2's names of bytes: those that print stand for themselves. */
const BYTE_NAMES = [];
for (let byte = 0, moved = 0; byte < 256; byte++) {
  const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  BYTE_NAMES.push(String.fromCharCode(prints ? byte : 0x100 + moved++));
}
const BYTE_OF = new Map(BYTE_NAMES.map((name, byte) => [name, byte]));

/** Returns the bytes of a byte-level token; a name in other characters stands for itself. */
function bytesOfName(name) {
  const bytes = Array.from(name, (character) => BYTE_OF.get(character));
  return bytes.includes(undefined) ? [...encoder.encode(name)] : bytes;
}

/** A text that is rewritten: of each of its characters where the original has it. */
class Aligned {
  constructor(text) {
    this.text = text;
    this.starts = []; // of UTF-16 units
    this.ends = [];
    for (const character of text) {
      const start = this.starts.length, end = start + character.length;
      for (let unit = start; unit < end; unit++) { this.starts.push(start); this.ends.push(end); }
    }
  }

  /** Replaces what a pattern finds; what is put in stands where the character before it does. */
  replace(pattern, content) {
    const pieces = [], starts = [], ends = [];
    let last = 0;
    const keep = (end) => {
      pieces.push(this.text.slice(last, end));
      for (; last < end; last++) { starts.push(this.starts[last]); ends.push(this.ends[last]); }
    };
    for (const { index, 0: found } of this.text.matchAll(pattern)) {
      keep(index);
      last = index + found.length;
      pieces.push(content);
      for (let unit = 0; unit < content.length; unit++) {
        starts.push(last ? this.starts[last - 1] : 0);
        ends.push(last ? this.ends[last - 1] : 0);
      }
    }
    keep(this.text.length);
    Object.assign(this, { text: pieces.join(""), starts, ends });
  }
}

class Tokenizer {
  constructor({ names, special, unknown, merges, replacements, splits, decoders, is_byte_level: isByteLevel }) {
    Object.assign(this, { names, unknown, isByteLevel, size: names.length });
    const read = (each) => ({ ...each, pattern: each.pattern && new RegExp(each.pattern, "gu") });
    [this.replacements, this.splits, this.decoders] = [replacements, splits, decoders].map((steps) => steps.map(read));
    this.special = new Set(special);
    this.ids = new Map(names.map((name, id) => [name, id]));
    this.merges = merges && new Map(merges.map(([left, right], rank) =>
      [left * names.length + right, { rank, id: this.ids.get(names[left] + names[right]) }]));
    this.words = new Map(); // the tokens of words that were met
  }

  encode(text) { return this.read(text).map(({ id }) => id); }

  /** Returns the tokens of a text: the id of each, and where it begins and ends. */
  read(text) {
    const aligned = new Aligned(text);
    for (const { pattern, content } of this.replacements) aligned.replace(pattern, content);
    return this.cut(aligned.text).flatMap(([start, end]) =>
      this.tokensOf(aligned.text.slice(start, end)).map(([id, from, to]) => ({
        id: SPECIAL.has(id) ? UNK : id, start: aligned.starts[start + from], end: aligned.ends[start + to - 1],
      })));
  }

  /** Returns where the words of a text begin and end. */
  cut(text) {
    let parts = text ? [[0, text.length]] : [];
    for (const { pattern, is_kept: isKept, is_inverted: isInverted } of this.splits) {
      parts = parts.flatMap(([start, end]) => {
        const cut = [];
        let last = start;
        const add = (to, isMatch) => {
          if (last < to && (isKept || isMatch === isInverted)) cut.push([last, to]);
          last = to;
        };
        for (const { index, 0: found } of text.slice(start, end).matchAll(pattern)) {
          add(start + index, false);
          add(start + index + found.length, true);
        }
        add(end, false);
        return cut;
      });
    }
    return parts;
  }

  /** Returns the tokens of a word, each with where it begins and ends in it. */
  tokensOf(word) {
    if (!this.merges) return [[this.idOf(word), 0, word.length]];
    if (!this.merges.size) return this.symbolsOf(word);
    if (!this.words.has(word)) {
      if (this.words.size > 20000) this.words.clear();
      this.words.set(word, this.merged(this.symbolsOf(word)));
    }
    return this.words.get(word);
  }

  idOf(name) { return this.ids.has(name) ? this.ids.get(name) : this.unknown; }

  symbolsOf(word) {
    let place = 0;
    return Array.from(word).flatMap((character) => {
      const start = place, end = place += character.length;
      const parts = this.isByteLevel ? Array.from(encoder.encode(character), (byte) => BYTE_NAMES[byte]) : [character];
      return parts.map((name) => [this.idOf(name), start, end]);
    });
  }

  /** Joins the pair that was learnt first, again and again. */
  merged(symbols) {
    for (;;) {
      let best = null, at = -1;
      for (let place = 0; place + 1 < symbols.length; place++) {
        const merge = this.merges.get(symbols[place][0] * this.size + symbols[place + 1][0]);
        if (merge && (!best || merge.rank < best.rank)) [best, at] = [merge, place];
      }
      if (!best) return symbols;
      symbols.splice(at, 2, [best.id, symbols[at][1], symbols[at + 1][2]]);
    }
  }

  /** Returns the text of tokens, special ones left out. */
  decode(ids) {
    let parts = ids.filter((id) => !this.special.has(id)).map((id) => this.names[id]);
    for (const { type, pattern, content } of this.decoders) {
      if (type === "ByteLevel") parts = [bytesToText(parts.flatMap(bytesOfName))];
      else if (type === "Fuse") parts = [parts.join("")];
      else parts = parts.map((part) => part.replace(pattern, () => content));
    }
    return parts.join("");
  }
}
