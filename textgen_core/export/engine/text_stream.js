// The text of tokens, piece by piece: what is complete, up to the first stop string.

const INCOMPLETE = "\uFFFD", CONTEXT = 16; // tokens decoded along, so that words are joined rightly

/** Decodes what follows a prompt; a character whose bytes are not all there yet is held back. */
class TextStream {
  constructor(tokenBytes, promptIds, leftOut = 0) {
    this.tokenBytes = tokenBytes;
    this.leftOut = leftOut;
    this.window = promptIds;
    this.shorten();
  }

  decode() { return this.tokenBytes.tokenizer.decode(this.window); }

  shorten() {
    this.window = this.window.slice(-CONTEXT);
    this.shown = this.decode().length;
  }

  push(ids) {
    this.window.push(...ids);
    const text = this.decode();
    let ready = text.length;
    while (text[ready - 1] === INCOMPLETE) ready -= 1;
    const piece = this.show(text, ready);
    if (ready === text.length) this.shorten();
    return piece;
  }

  /** Returns the rest, without a character that was begun. */
  finish() {
    const text = this.decode();
    if (!text.endsWith(INCOMPLETE) || !this.tokenBytes.areBytes) return this.show(text, text.length);
    const { added } = this.tokenBytes.after(this.window);
    return this.show(text, text.length - (openBytes(this.window.flatMap((id) => added[id])) ? 1 : 0));
  }

  /** Returns what is new of a text up to a place, less what the prompt had. */
  show(text, end) {
    const piece = text.slice(this.shown, Math.max(this.shown, end)), shown = piece.slice(this.leftOut);
    this.shown += piece.length;
    this.leftOut -= piece.length - shown.length;
    return shown;
  }
}

/** Lets a text through up to the first stop string; what may begin one is held back. */
class StopStrings {
  constructor(stop) {
    this.stop = stop;
    this.held = "";
    this.found = false;
  }

  push(text) {
    if (this.found) return "";
    this.held += text;
    const places = this.stop.map((each) => this.held.indexOf(each)).filter((place) => place >= 0);
    this.found = places.length > 0;
    return this.release(this.found ? Math.min(...places) : this.held.length - this.undecided());
  }

  finish() { return this.found ? "" : this.release(this.held.length); }

  release(length) {
    const ready = this.held.slice(0, length);
    this.held = this.held.slice(length);
    return ready;
  }

  /** Returns the length of an end that may begin a stop string. */
  undecided() {
    let length = 0;
    for (const each of this.stop) {
      for (let own = Math.min(each.length - 1, this.held.length); own > length; own--) {
        if (this.held.endsWith(each.slice(0, own))) length = own;
      }
    }
    return length;
  }
}
