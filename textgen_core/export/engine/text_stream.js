// The text of tokens, piece by piece: what is complete, up to the first stop string.

const INCOMPLETE = "\uFFFD", CONTEXT = 16; // tokens decoded along, so that words are joined rightly

/** Decodes what follows a prompt; a character whose bytes are not all there yet is held back. */
class TextStream {
  constructor(tokenBytes, promptIds, leftOut = 0) {
    this.tokenBytes = tokenBytes;
    this.tokenizer = tokenBytes.tokenizer;
    this.leftOut = leftOut;
    this.window = promptIds.slice(-CONTEXT);
    this.shown = this.decode().length;
  }

  decode() {
    return this.tokenizer.decode(this.window);
  }

  push(ids) {
    this.window.push(...ids);
    const text = this.decode();
    let ready = text.length;
    while (text[ready - 1] === INCOMPLETE) ready -= 1;
    const piece = text.slice(this.shown, Math.max(this.shown, ready));
    this.shown = Math.max(this.shown, ready);
    if (ready === text.length) {
      this.window = this.window.slice(-CONTEXT);
      this.shown = this.decode().length;
    }
    return this.afterPrompt(piece);
  }

  /** Returns the rest, without a character that was begun. */
  finish() {
    let text = this.decode();
    if (text.endsWith(INCOMPLETE) && this.tokenBytes.areBytes) {
      const { added } = this.tokenBytes.after(this.window);
      if (openBytes(this.window.flatMap((id) => added[id]))) text = text.slice(0, -1);
    }
    const piece = text.slice(this.shown);
    this.shown = Math.max(this.shown, text.length);
    return this.afterPrompt(piece);
  }

  afterPrompt(piece) {
    const shown = piece.slice(this.leftOut);
    this.leftOut -= piece.length - shown.length;
    return shown;
  }
}

/** Lets a text through up to the first stop string; what may begin one is held back. */
class StopStrings {
  constructor(stop) {
    this.stop = stop;
    this.longest = Math.max(1, ...stop.map((each) => each.length)) - 1;
    this.held = "";
    this.found = false;
  }

  push(text) {
    if (this.found) return "";
    this.held += text;
    const places = this.stop.map((each) => this.held.indexOf(each)).filter((place) => place >= 0);
    this.found = places.length > 0;
    const ready = this.found ? Math.min(...places) : this.held.length - this.undecided();
    const shown = this.held.slice(0, ready);
    this.held = this.held.slice(ready);
    return shown;
  }

  finish() {
    const held = this.found ? "" : this.held;
    this.held = "";
    return held;
  }

  undecided() {
    for (let length = Math.min(this.longest, this.held.length); length > 0; length--) {
      if (this.stop.some((each) => each.startsWith(this.held.slice(-length)))) return length;
    }
    return 0;
  }
}
