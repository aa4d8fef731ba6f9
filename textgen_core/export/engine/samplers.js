// Samplers: each is a program, with its options, the text so far and its state as inputs.

class RequestError extends Error {}

/** Returns the sampler that a spec such as `nucleus:p=0.9` asks for, and the values of its options. */
function readSpec(spec, samplers) {
  const [, name, rest] = /^([^:]*):?([^]*)$/.exec(spec.trim());
  const found = samplers.find((each) => each.name === name.split("/").pop());
  if (!found) {
    const allowed = samplers.map((each) => each.name).join(", ");
    throw new RequestError(`There is no sampler ${JSON.stringify(name)}. Allowed: ${allowed}.`);
  }
  const given = readValues(rest, found);
  for (const [option, value] of Object.entries(found.fixed)) {
    if (option in given && String(given[option]) !== String(value)) {
      throw new RequestError(`In this file the sampler ${name} has ${option}=${value} alone.`);
    }
  }
  return { sampler: found, values: { ...found.values, ...given } };
}

function readValues(text, { name, options }) {
  const given = {};
  text.split(",").filter((item) => item !== "").forEach((item, place) => {
    const [, key, value] = item.includes("=") ? /^([^=]*)=([^]*)$/.exec(item)
      : [null, place === 0 && options.length ? options[0].name : item, item];
    const option = options.find((each) => each.name === key.trim());
    if (!option) throw new RequestError(`The sampler ${name} has no option ${JSON.stringify(key)}.`);
    given[option.name] = readValue(value.trim(), option, name);
  });
  return given;
}

function readValue(text, option, sampler) {
  const what = `${option.name} of the sampler ${sampler} is ${JSON.stringify(text)}.`;
  if (option.type === "str") return text;
  if (option.type === "bool" && ["true", "false"].includes(text)) return text === "true";
  if (text === "none" && option.allows_none) return null;
  const value = text === "" ? NaN : Number(text);
  const { at_least: least, at_most: most, above, below } = option, isSet = (bound) => bound !== null && bound !== undefined;
  const isAllowed = Number.isFinite(value) && (option.type !== "int" || Number.isInteger(value))
    && !(isSet(least) && value < least) && !(isSet(most) && value > most)
    && !(isSet(above) && value <= above) && !(isSet(below) && value >= below);
  if (isAllowed) return value;
  const bounds = [["at least", least], ["at most", most], ["above", above], ["below", below]];
  const allowed = bounds.filter(([, bound]) => isSet(bound)).map((each) => each.join(" ")).join(", ");
  throw new RequestError(`${what} Allowed: ${option.type === "int" ? "a whole number" : "a number"}${allowed ? `, ${allowed}` : ""}.`);
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
    this.begin();
  }

  /** Computes the states before the first token. */
  begin() {
    if (!this.states.length) return;
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
