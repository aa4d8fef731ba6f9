// The decoding loop: feed a token, transform the logits, draw the next one.

const FAULTS = {
  none: "excluded every token. Fewer or milder samplers leave some to draw.",
  finite: "gave a finite logit to a token that was excluded.",
  number: "returned logits that are NaN or +infinity.",
};

class Loop {
  /** prompt: the tokens that are fed, and the end of its text that is drawn again. */
  constructor({ steps, stages, guide, prompt, tokenBytes, request }) {
    Object.assign(this, { steps, stages, guide, prompt, tokenBytes, request });
    this.start = prompt.fed.length;
    this.ids = prompt.fed.slice();
    this.promptIds = prompt.fed.slice(1); // as it is written, which may differ from how it was read
    this.numbers = uniformNumbers(request.seed, 0);
    this.state = guide.initial;
    this.promptLength = this.start;
    this.allowed = new Float32Array(steps.logits.length);
    // What samplers read: all tokens, in as much room as the program has that takes most.
    const longest = stages.flatMap(({ history }) => history.map(([, data]) => data.length));
    this.text = { token_ids: new Int32Array(Math.max(1, ...longest)), length: [0], prompt_length: [0] };
    this.text.token_ids.set(this.ids.slice(0, this.text.token_ids.length));
  }

  /** Yields the new tokens one by one, each with its text; returns why the text ended. */
  *write() {
    const { max_new_tokens: most, stop = [] } = this.request;
    const leftOut = bytesToText(bytesOfKey(this.prompt.tail)).length;
    const stream = new TextStream(this.tokenBytes, this.prompt.fed, leftOut);
    const stops = new StopStrings(stop);
    this.prefill();
    for (let written = 0; ; ) {
      const isHealing = this.state >= this.guide.consumed && this.state !== READY;
      const token = this.next();
      if (isHealing && this.state >= this.guide.consumed) {
        stream.push([token.id]);
        this.promptIds.push(token.id);
        continue;
      }
      written += 1;
      const isLast = token.id === END || written >= most;
      token.text = stops.push(token.id === END ? "" : stream.push([token.id]));
      if (isLast && !stops.found) token.text += stops.push(stream.finish()) + stops.finish();
      yield token;
      if (stops.found || token.id === END) return "stop";
      if (isLast) return "length";
    }
  }

  prefill() {
    const count = this.start - 1;
    this.held = heldAfter(count, this.steps.capacity);
    this.steps.restart();
    this.steps.feed(this.ids.slice(count - this.held, count));
  }

  next() {
    const place = this.ids.length, logits = this.nextLogits(), bias = this.guide.bias[this.state];
    for (let id = 0; id < logits.length; id++) this.allowed[id] = logits[id] + bias[id];
    this.text.length[0] = place;
    this.text.prompt_length[0] = this.promptLength;
    const left = [this.allowed];
    for (const stage of this.stages) {
      const after = stage.transform(left[left.length - 1], this.text);
      check(after, left[left.length - 1], `The sampler ${stage.name}`);
      left.push(after);
    }
    if (left.length === 1) check(this.allowed, this.allowed, "The model");
    const id = draw(left[left.length - 1], this.numbers(place - this.start));
    const token = { id, text: "", log_probability: this.logProbability(logits, id) };
    token.alternatives = this.request.alternatives ? this.alternatives(logits, left.slice(1)) : [];
    this.accept(id, place);
    return token;
  }

  logProbability(logits, id) {
    const found = Math.fround(logits[id] - logTotal(logits));
    if (!Number.isFinite(found)) throw new RequestError(`The model ${FAULTS.number}`);
    return found;
  }

  accept(id, place) {
    this.ids.push(id);
    if (place < this.text.token_ids.length) this.text.token_ids[place] = id;
    this.state = this.guide.follows[this.state][id];
    if (this.state >= this.guide.consumed && this.guide.bias.length > 1) this.promptLength += 1;
  }

  nextLogits() {
    const { capacity } = this.steps;
    if (this.held === capacity) { // a fresh state with the last half of the tokens
      const fed = this.ids.length - 1;
      this.held = Math.floor(capacity / 2);
      this.steps.restart();
      this.steps.feed(this.ids.slice(fed - this.held, fed));
    }
    this.held += 1;
    return this.steps.advance(this.ids[this.ids.length - 1]);
  }

  /** Returns the tokens that the model finds most likely, and whether each sampler left them. */
  alternatives(logits, left) {
    const total = logTotal(logits), order = Array.from(logits.keys());
    order.sort((a, b) => logits[b] - logits[a] || a - b);
    return order.slice(0, this.request.alternatives).map((id) => ({
      id,
      text: tokenText(this.tokenBytes.tokenizer, id),
      log_probability: Math.fround(logits[id] - total),
      kept: left.map((stage) => stage[id] > -Infinity),
    }));
  }
}

/** Returns how many tokens a state holds once so many were fed, which is replaced when it is full. */
function heldAfter(count, capacity) {
  if (capacity === null || count <= capacity) return count;
  const half = Math.floor(capacity / 2);
  return half + 1 + ((count - capacity - 1) % (capacity - half));
}

function check(after, before, name) {
  let highest = -Infinity;
  for (let id = 0; id < after.length; id++) {
    if (after[id] > -Infinity && !(before[id] > -Infinity)) throw new RequestError(`${name} ${FAULTS.finite}`);
    if (!(after[id] <= highest)) highest = after[id];
  }
  if (highest === -Infinity) throw new RequestError(`${name} ${FAULTS.none}`);
  if (!Number.isFinite(highest)) throw new RequestError(`${name} ${FAULTS.number}`);
}

/** Returns the text of a token that stands alone; a special token's name. */
function tokenText(tokenizer, id) {
  return tokenizer.decode([id]) || tokenizer.names[id] || "";
}
