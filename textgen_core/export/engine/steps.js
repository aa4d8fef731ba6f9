// A model that reads tokens one by one: its program, the state that lies in the program's own
// inputs, and the counts that are mixed with it.

class Steps {
  constructor(program, constants, counts) {
    const { state_capacity: capacity, vocabulary_size: size, initial, updates } = program.about;
    this.graph = openProgram(program, constants);
    this.capacity = capacity; // tokens that the state holds; null: any number
    this.counts = counts;
    [this.tokens, ...this.states] = this.graph.inputs;
    this.initial = initial.map((each, number) => firstState(each, this.states[number]));
    this.updates = updates.map((update, number) => this.updating(update, this.states[number]));
    this.logits = new Float32Array(size);
    const kept = updates.flatMap(({ output, start }) => [output, start]);
    this.withoutLogits = this.graph.needed(kept.map((number) => this.graph.outputs[number]));
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
  return bytes === undefined ? new ARRAYS[type](data.length).fill(fill) : new ARRAYS[type](base64Bytes(bytes).buffer);
}

const base64Bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
