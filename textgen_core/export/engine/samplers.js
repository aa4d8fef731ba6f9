// Samplers: each is a program, with its options, the text so far and its state as inputs.

class RequestError extends Error {}

/** Returns the sampler that a spec such as `nucleus:p=0.9` asks for, and the values of its options. */
function readSpec(text, samplers) {
  const { parseSpec, convert } = textgenPage.specs, { name, options: given, first } = parseSpec(text);
  const sampler = samplers.find((each) => each.name === name.split("/").pop());
  if (!sampler) {
    const allowed = samplers.map((each) => each.name).join(", ");
    throw new RequestError(`There is no sampler ${JSON.stringify(name)}. Allowed: ${allowed}.`);
  }
  if (first !== null) given[sampler.options.length ? sampler.options[0].name : first] = first;
  const values = { ...sampler.values };
  for (const [key, written] of Object.entries(given)) {
    const option = sampler.options.find((each) => each.name === key);
    if (!option) throw new RequestError(`The sampler ${name} has no option ${JSON.stringify(key)}.`);
    const { value, fault } = convert(written, option), isFixed = key in sampler.fixed;
    if (isFixed && String(sampler.fixed[key]) !== String(value)) {
      throw new RequestError(`In this file the sampler ${name} has ${key}=${sampler.fixed[key]} alone.`);
    }
    if (fault) {
      const what = `${key} of the sampler ${name} is ${JSON.stringify(written)}.`;
      throw new RequestError(`${what} Allowed: ${option.allowed}.`);
    }
    values[key] = value;
  }
  return { sampler, values };
}

class Stage {
  constructor({ name, program }, constants, values) {
    const { history, options, per_row: states } = program.about;
    this.name = name;
    this.graph = openProgram(program, constants);
    const [logits, ...others] = this.graph.inputs;
    this.logits = logits;
    this.history = history.map((each, number) => [each, others[number].data]);
    options.forEach((option, number) => {
      others[history.length + number].data[0] = Math.min(values[option], LIMITS.int32[1]);
    });
    this.states = others.slice(others.length - states.length);
    this.left = this.graph.outputs[0].data;
    this.next = this.graph.outputs.slice(1, 1 + states.length);
    if (states.length) this.begin();
  }

  /** Computes the states before the first token. */
  begin() {
    this.logits.data.fill(1);
    for (const [, data] of this.history) data.fill(1);
    this.graph.run();
    const initial = this.graph.outputs.slice(1 + this.states.length);
    this.states.forEach((state, number) => state.data.set(initial[number].data));
  }

  transform(logits, text) {
    this.logits.data.set(logits);
    for (const [name, data] of this.history) data.set(text[name]);
    this.graph.run();
    this.states.forEach((state, number) => state.data.set(this.next[number].data));
    return this.left;
  }
}
