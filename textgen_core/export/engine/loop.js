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
    this.ids = prompt.fed.slice();
    this.promptIds = prompt.fed.slice(1); // as it is written, which may differ from how it was read
    this.numbers = uniformNumbers(request.seed, 0);
    this.state = guide.initial;
    this.allowed = new Float32Array(steps.logits.length);
    // What samplers read: all tokens, in as much room as the program has that takes most.
    const longest = stages.flatMap(({ history }) => history.map(([, data]) => data.length));
    this.text = { token_ids: new Int32Array(Math.max(1, ...longest)), length: [0], prompt_length: [this.ids.length] };
    this.text.token_ids.set(this.ids.slice(0, this.text.token_ids.length));
  }

  get isHealing() { return this.state >= this.guide.consumed; } // still within the end of the prompt

  /** Yields the new tokens one by one, each with its text; returns why the text ended. */
  *write() {
    const { max_new_tokens: most, stop = [] } = this.request;
    const leftOut = bytesToText(bytesOfKey(this.prompt.tail)).length;
    const stream = new TextStream(this.tokenBytes, this.prompt.fed, leftOut), stops = new StopStrings(stop);
    this.prefill();
    for (let written = 0; ; ) {
      const wasHealing = this.isHealing, token = this.next();
      if (wasHealing && this.isHealing) {
        stream.push([token.id]);
        this.promptIds.push(token.id);
        continue;
      }
      written += 1;
      const isEnd = token.id === END, isLast = isEnd || written >= most;
      token.text = stops.push(isEnd ? "" : stream.push([token.id]));
      if (isLast && !stops.found) token.text += stops.push(stream.finish()) + stops.finish();
      yield token;
      if (stops.found || isEnd) return "stop";
      if (isLast) return "length";
    }
  }

  /** Feeds the last tokens but one, as many as the state holds then. */
  prefill(held = heldAfter(this.ids.length - 1, this.steps.capacity)) {
    const fed = this.ids.length - 1;
    this.held = held;
    this.steps.restart();
    this.steps.feed(this.ids.slice(fed - held, fed));
  }

  next() {
    const place = this.ids.length, logits = this.nextLogits(), bias = this.guide.bias[this.state];
    for (let id = 0; id < logits.length; id++) this.allowed[id] = logits[id] + bias[id];
    this.text.length[0] = place;
    let last = this.allowed;
    const left = this.stages.map((stage) => {
      const before = last;
      last = stage.transform(before, this.text);
      check(last, before, `The sampler ${stage.name}`);
      return last;
    });
    if (!left.length) check(last, last, "The model");
    const id = draw(last, this.numbers(place - this.prompt.fed.length)), total = logTotal(logits);
    const logOf = (each) => Math.fround(logits[each] - total);
    if (!Number.isFinite(logOf(id))) throw new RequestError(`The model ${FAULTS.number}`);
    this.accept(id, place);
    return { id, text: "", log_probability: logOf(id), alternatives: this.alternatives(logits, left, logOf) };
  }

  accept(id, place) {
    this.ids.push(id);
    if (place < this.text.token_ids.length) this.text.token_ids[place] = id;
    this.state = this.guide.follows[this.state][id];
    if (this.isHealing) this.text.prompt_length[0] += 1;
  }

  nextLogits() {
    const { capacity } = this.steps;
    if (this.held === capacity) this.prefill(Math.floor(capacity / 2)); // a fresh state with the last half
    this.held += 1;
    return this.steps.advance(this.ids[this.ids.length - 1]);
  }

  /** Returns the tokens that the model finds most likely, and whether each sampler left them. */
  alternatives(logits, left, logOf) {
    const { alternatives: count } = this.request;
    if (!count) return [];
    const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
    return order.slice(0, count).map((id) => ({
      id, text: tokenText(this.tokenBytes.tokenizer, id), log_probability: logOf(id),
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
