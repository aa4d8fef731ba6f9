// A model that reads tokens one by one: its program, the state that lies in the program's own
// inputs, and the counts that are mixed with it.

class Steps {
  constructor(program, constants, counts) {
    const { about } = program;
    this.graph = openProgram(program, constants);
    this.capacity = about.state_capacity; // tokens that the state holds; null: any number
    const [tokens, ...states] = this.graph.inputs;
    Object.assign(this, { tokens, states, counts });
    this.initial = about.initial.map((each, number) => firstState(each, states[number]));
    this.updates = about.updates.map((update, number) => this.updating(update, states[number]));
    this.logits = new Float32Array(about.vocabulary_size);
    const kept = about.updates.flatMap(({ output, start }) => [output, start]);
    this.withoutLogits = this.graph.needed(kept.filter((each) => each !== undefined)
      .map((number) => this.graph.outputs[number]));
    this.restart();
  }

  /** Returns what makes the next state of an output: nothing, all of it, or a slice that is written. */
  updating({ output, start }, state) {
    if (output === undefined) return () => {};
    const from = this.graph.outputs[output];
    if (start === undefined) return () => state.data.set(from.data);
    return writingInto(state, from, this.graph.outputs[start]);
  }

  restart() {
    this.states.forEach((state, number) => state.data.set(this.initial[number]));
    this.contexts = this.counts ? this.counts.fresh() : null;
  }

  feed(tokens) { for (const token of tokens) this.read(token, this.withoutLogits); }

  /** Reads a token; returns the logits of what follows, valid until the next call. */
  advance(token) {
    this.read(token, this.graph.all);
    this.logits.set(this.graph.outputs[0].data);
    if (this.counts) this.counts.mixInto(this.logits, this.contexts);
    return this.logits;
  }

  read(token, operations) {
    this.tokens.data[0] = token;
    this.graph.run(operations);
    for (const update of this.updates) update();
    if (this.counts) this.contexts = this.counts.follow(this.contexts, token);
  }

  /** Returns what there is to return to. */
  save() {
    return { states: this.states.map(({ data }) => data.slice()), contexts: this.contexts };
  }

  load({ states, contexts }) {
    states.forEach((data, number) => this.states[number].data.set(data));
    this.contexts = contexts;
  }
}

function firstState({ fill, bytes }, { type, data }) {
  const found = new ARRAYS[type](data.length);
  if (bytes === undefined) return found.fill(fill);
  found.set(new ARRAYS[type](base64Bytes(bytes).buffer));
  return found;
}

function base64Bytes(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let place = 0; place < binary.length; place++) bytes[place] = binary.charCodeAt(place);
  return bytes;
}
