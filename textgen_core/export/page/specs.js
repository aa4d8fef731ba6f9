// Specs of samplers, `nucleus:p=0.9`, read and written as textgen does, and the rules of options.
//
// A value is a number, a boolean, a text or null; the declared options are those of the backend.
(function (page) {
  "use strict";

  const PLAIN = /^(?!['\s])[^,=]+(?<!\s)$/u;
  const KEY = /^\s*([A-Za-z_][A-Za-z0-9_-]*)=/;

  // {name, options: {name: text}, first: text or null}; `first` belongs to the first option.
  function parseSpec(text) {
    const colon = text.indexOf(":");
    const name = (colon < 0 ? text : text.slice(0, colon)).trim();
    const spec = { name, options: {}, first: null };
    if (colon < 0) return spec;
    for (const item of splitItems(text.slice(colon + 1))) {
      const key = KEY.exec(item);
      if (key) spec.options[key[1].replaceAll("-", "_")] = unquoted(item.slice(key[0].length));
      else if (item.trim()) spec.first = unquoted(item);
    }
    return spec;
  }

  // A comma begins an option only before `key=`, and not between quotes.
  function splitItems(text) {
    const items = [""];
    let isQuoted = false;
    for (let at = 0; at < text.length; at += 1) {
      if (text[at] === "'") isQuoted = !isQuoted;
      if (text[at] === "," && !isQuoted && KEY.test(text.slice(at + 1))) items.push("");
      else items[items.length - 1] += text[at];
    }
    return items;
  }

  function unquoted(text) {
    const trimmed = text.trim();
    return /^'.*'$/s.test(trimmed) && trimmed.length > 1 ? trimmed.slice(1, -1) : trimmed;
  }

  // The values of a spec's options, defaults where it has none. Texts that are no value are kept,
  // so that their fault can be shown.
  function valuesOf(spec, sampler) {
    const given = { ...spec.options };
    const first = sampler.options[0];
    if (spec.first !== null && first) given[first.name] ??= spec.first;
    return Object.fromEntries(
      sampler.options.map((option) => [
        option.name,
        option.name in given ? convert(given[option.name], option).value : option.default,
      ]),
    );
  }

  function formatSpec(sampler, values) {
    const written = sampler.options
      .filter((option) => !(values[option.name] === null && option.default === null))
      .map((option) => `${option.name}=${formatValue(values[option.name])}`);
    return written.length ? `${sampler.name}:${written.join(",")}` : sampler.name;
  }

  function formatValue(value) {
    if (value === null) return "none";
    const text = String(value);
    return typeof value === "string" && !PLAIN.test(text) ? `'${text}'` : text;
  }

  // {value, fault}: a fault is {key, values} of a message, or null. `value` stays the text then.
  function convert(text, option) {
    const trimmed = text.trim();
    if (allowsNone(option) && (trimmed === "" || trimmed.toLowerCase() === "none")) {
      return { value: null, fault: null };
    }
    if (option.type === "bool") {
      const isTrue = trimmed === "true";
      return isTrue || trimmed === "false"
        ? { value: isTrue, fault: null }
        : fault(text, "option.bool");
    }
    if (option.type === "int" || option.type === "float") return convertNumber(text, option);
    const choices = option.choices ?? [];
    if (choices.length && !choices.map(String).includes(trimmed)) return fault(text, "option.choice");
    return { value: text, fault: null };
  }

  function convertNumber(text, option) {
    const number = text.trim() === "" ? NaN : Number(text.trim().replace(",", "."));
    if (!Number.isFinite(number)) return fault(text, "option.number");
    if (option.type === "int" && !Number.isInteger(number)) return fault(text, "option.whole");
    const choices = option.choices ?? [];
    if (choices.length && !choices.map(Number).includes(number)) return fault(text, "option.choice");
    const bounds = [
      ["at_least", number >= option.at_least],
      ["at_most", number <= option.at_most],
      ["above", number > option.above],
      ["below", number < option.below],
    ];
    for (const [name, holds] of bounds) {
      if (isBound(option[name]) && !holds) return fault(text, `option.${name}`, option[name]);
    }
    return { value: number, fault: null };
  }

  const allowsNone = (option) => option.allows_none ?? option.default === null;
  const isBound = (bound) => bound !== null && bound !== undefined;
  const fault = (value, key, bound = null) => ({ value, fault: { key, values: { bound } } });

  // Where a slider may go: {least, most, step}, or null where none would help. It spans what is
  // allowed, but no more than twice a default above 0; the field beside it takes the rest.
  function sliderOf(option) {
    const isNumber = option.type === "int" || option.type === "float";
    if (!isNumber || (option.choices ?? []).length || option.default === null) return null;
    const isAboveZero = option.default > 0;
    const highest = [option.at_most, option.below, isAboveZero ? 2 * option.default : null].filter(isBound);
    const lowest = option.at_least ?? option.above ?? (isAboveZero ? 0 : null);
    const most = Math.min(...highest);
    if (lowest === null || !Number.isFinite(most) || !(most > lowest)) return null;
    const step = option.type === "int" ? 1 : 10 ** Math.floor(Math.log10((most - lowest) / 20));
    const isLeastExcluded = lowest !== option.at_least && lowest === option.above;
    const isMostExcluded = most === option.below;
    return { least: isLeastExcluded ? lowest + step : lowest, most: isMostExcluded ? most - step : most, step };
  }

  page.specs = { allowsNone, parseSpec, valuesOf, formatSpec, convert, sliderOf };
})((globalThis.textgenPage ??= {}));
