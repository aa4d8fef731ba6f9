// A tokenizer read from tokenizer.json: its normalizer, pre-tokenizer, model and decoder. The names
// of special tokens in a text are ordinary text.

const SPECIAL = new Set([PAD, START, END]); // ids that no text holds

const TRANSLATED = { "\\s": "\\p{White_Space}", "\\S": "\\P{White_Space}", "\\A": "(?<![^])" };

/** Returns a pattern of the library as JavaScript's; the exporter lets no other constructs pass. */
function patternOf({ String: text, Regex: pattern = text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&") }) {
  return new RegExp(pattern.replace(/\\[^]/g, (escape) => TRANSLATED[escape] || escape), "gu");
}

/** A text that is rewritten: of each of its characters where the original has it. */
class Aligned {
  constructor(text) {
    this.text = text;
    this.starts = new Int32Array(text.length); // of UTF-16 units
    this.ends = new Int32Array(text.length);
    for (let place = 0; place < text.length; ) {
      const size = text.codePointAt(place) > 0xffff ? 2 : 1;
      this.starts.fill(place, place, place + size);
      this.ends.fill(place + size, place, place + size);
      place += size;
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

const sequenceOf = (part, key) => (part === null ? []
  : part.type === "Sequence" ? part[key].flatMap((each) => sequenceOf(each, key)) : [part]);

/** GPT-2's names of bytes: those that print stand for themselves. */
const BYTE_NAMES = (() => {
  const names = new Array(256);
  for (let byte = 0, moved = 0; byte < 256; byte++) {
    const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    names[byte] = String.fromCharCode(prints ? byte : 0x100 + moved++);
  }
  return names;
})();
const BYTE_OF = new Map(BYTE_NAMES.map((name, byte) => [name, byte]));

class Tokenizer {
  constructor({ normalizer, pre_tokenizer: splitter, model, decoder, added_tokens: added }) {
    this.replacements = sequenceOf(normalizer, "normalizers")
      .map(({ pattern, content }) => [patternOf(pattern), content]);
    const splits = sequenceOf(splitter, "pretokenizers");
    this.splits = splits.filter(({ type }) => type === "Split").map((each) => ({
      pattern: patternOf(each.pattern),
      isKept: each.behavior !== "Removed", isInverted: each.invert,
    }));
    this.isByteLevel = splits.some(({ type }) => type === "ByteLevel");
    this.decoders = sequenceOf(decoder, "decoders");
    this.decoders.forEach((each) => { if (each.pattern) each.found = patternOf(each.pattern); });
    this.readModel(model, added);
  }

  readModel({ vocab, merges = null, unk_token: unknown }, added) {
    this.ids = new Map(Object.entries(vocab));
    for (const { id, content } of added) this.ids.set(content, id);
    this.names = [];
    for (const [name, id] of this.ids) this.names[id] = name;
    this.unknown = unknown ? this.ids.get(unknown) : null;
    this.special = new Set(added.filter(({ special }) => special).map(({ id }) => id));
    this.words = new Map(); // the tokens of words that were met
    this.merges = merges && new Map(merges.map((pair, rank) => {
      const [left, right] = Array.isArray(pair) ? pair : pair.split(" ");
      const id = this.ids.get(left + right);
      return [this.ids.get(left) * this.names.length + this.ids.get(right), { rank, id }];
    }));
  }

  get size() { return this.names.length; }

  encode(text) { return this.read(text).map(({ id }) => id); }

  /** Returns the tokens of a text: the id of each, and where it begins and ends. */
  read(text) {
    const aligned = new Aligned(text), found = [];
    for (const [pattern, content] of this.replacements) aligned.replace(pattern, content);
    for (const [start, end] of this.cut(aligned.text)) {
      for (const [id, from, to] of this.tokensOf(aligned.text.slice(start, end))) {
        found.push({
          id: SPECIAL.has(id) ? UNK : id,
          start: aligned.starts[start + from], end: aligned.ends[start + to - 1],
        });
      }
    }
    return found;
  }

  /** Returns where the words of a text begin and end. */
  cut(text) {
    let parts = text ? [[0, text.length]] : [];
    for (const { pattern, isKept, isInverted } of this.splits) {
      parts = parts.flatMap(([start, end]) => {
        const cut = [];
        const add = (from, to, isMatch) => {
          if (from < to && (isKept || isMatch === isInverted)) cut.push([start + from, start + to]);
        };
        let last = 0;
        for (const { index, 0: found } of text.slice(start, end).matchAll(pattern)) {
          add(last, index, false);
          add(index, index + found.length, true);
          last = index + found.length;
        }
        add(last, end - start, false);
        return cut;
      });
    }
    return parts;
  }

  /** Returns the tokens of a word, each with where it begins and ends in it. */
  tokensOf(word) {
    if (!this.merges) return [[this.ids.has(word) ? this.ids.get(word) : this.unknown, 0, word.length]];
    if (!this.merges.size) return this.symbolsOf(word);
    if (!this.words.has(word)) {
      if (this.words.size > 20000) this.words.clear();
      this.words.set(word, this.merged(this.symbolsOf(word)));
    }
    return this.words.get(word);
  }

  symbolsOf(word) {
    const symbols = [];
    let place = 0;
    for (const character of word) {
      const end = place + character.length;
      const parts = this.isByteLevel ? namesOfBytes(character) : [character];
      for (const name of parts) symbols.push([this.ids.has(name) ? this.ids.get(name) : this.unknown, place, end]);
      place = end;
    }
    return symbols;
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
    if (!this.decoders.length) return parts.join(" ");
    for (const { type, found, content } of this.decoders) {
      if (type === "ByteLevel") parts = [bytesToText(parts.flatMap(bytesOfName))];
      else if (type === "Fuse") parts = [parts.join("")];
      else parts = parts.map((part) => part.replace(found, () => content));
    }
    return parts.join("");
  }
}

const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const namesOfBytes = (text) => Array.from(encoder.encode(text), (byte) => BYTE_NAMES[byte]);
const bytesToText = (bytes) => decoder.decode(Uint8Array.from(bytes));

/** Returns the bytes of a byte-level token; a name in other characters stands for itself. */
function bytesOfName(name) {
  const bytes = Array.from(name, (character) => BYTE_OF.get(character));
  return bytes.includes(undefined) ? Array.from(encoder.encode(name)) : bytes;
}
