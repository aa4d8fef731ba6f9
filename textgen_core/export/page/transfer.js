// A page's texts as a JSON file: written, and read back with every value checked.
(function (page) {
  "use strict";

  const FORMAT = "textgen-playground";
  const VERSION = 1;
  const MOST_TEXTS = 10_000;
  const MOST_TOKENS = 1_000_000;

  // What is wrong with a file: `key` and `values` are a message's, `values.place` where it is.
  class FileFault extends Error {
    constructor(key, values = {}) {
      super(`${key} ${JSON.stringify(values)}`);
      Object.assign(this, { key, values });
    }
  }

  function writeFile(setup, texts, info) {
    const { columns, ...rest } = setup;
    return JSON.stringify({
      format: FORMAT,
      version: VERSION,
      model: { name: info.model, vocabulary_size: info.vocabulary_size },
      ...rest,
      columns: columns.map(({ chain, current }) => ({ chain, current })),
      texts: setup.texts.map((id) => {
        const { promptIds, ...text } = texts.get(id);
        return { ...text, prompt_ids: promptIds };
      }),
    });
  }

  // {setup, texts: [text], isOtherModel} of a file for this model; ids are made anew, so that
  // nothing present is overwritten. Throws FileFault.
  function readFile(content, info) {
    const file = parse(content);
    const { name, vocabulary_size: size } = object(file.model, "model");
    if (size !== info.vocabulary_size) {
      throw new FileFault("file.other_model", { name: string(name, "model.name") });
    }
    const given = list(file.texts, "texts", MOST_TEXTS);
    const texts = new Map();
    const fresh = new Map();
    const budget = { tokens: MOST_TOKENS };
    given.forEach((each, place) => {
      const text = readText(object(each, `texts[${place}]`), `texts[${place}]`, fresh, size, budget);
      const parent = texts.get(text.parent);
      const fits = !parent || (parent.column === text.column && text.at <= parent.tokens.length);
      check(fits, `texts[${place}].at`);
      texts.set(text.id, text);
    });
    const setup = readSetup(file, fresh, texts);
    return { setup, texts: [...texts.values()], isOtherModel: name !== info.model };
  }

  function parse(content) {
    let file;
    try {
      file = JSON.parse(content);
    } catch {
      throw new FileFault("file.no_json");
    }
    if (file?.format !== FORMAT) throw new FileFault("file.other_format");
    if (file.version !== VERSION) throw new FileFault("file.other_version", { version: file.version });
    return file;
  }

  function readSetup(file, fresh, texts) {
    const columns = list(file.columns, "columns", page.state.COLUMNS);
    check(columns.length === page.state.COLUMNS, "columns");
    return {
      prompt: string(file.prompt, "prompt"),
      seed: whole(file.seed, "seed", 0, Number.MAX_SAFE_INTEGER),
      length: whole(file.length, "length", 1, MOST_TOKENS),
      stop: readStop(file.stop ?? []),
      shown: whole(file.shown, "shown", 1, page.state.COLUMNS),
      columns: columns.map((each, place) => {
        const { chain, current } = object(each, `columns[${place}]`);
        check(current === null || fresh.has(current), `columns[${place}].current`);
        const id = current === null ? null : fresh.get(current);
        check(id === null || texts.get(id).column === place, `columns[${place}].current`);
        return { chain: strings(chain, `columns[${place}].chain`), current: id };
      }),
      texts: [...texts.keys()],
    };
  }

  function readStop(given) {
    const stop = strings(given, "stop");
    check(page.ends.faultOf(stop) === null, "stop");
    return stop;
  }

  function readText(text, place, fresh, size, budget) {
    const old = string(text.id, `${place}.id`);
    check(!fresh.has(old), `${place}.id`);
    check(text.parent === null || fresh.has(text.parent), `${place}.parent`);
    const isFirst = text.parent === null;
    const ids = isFirst ? list(text.prompt_ids, `${place}.prompt_ids`, MOST_TOKENS) : [];
    const given = list(text.tokens, `${place}.tokens`, budget.tokens);
    budget.tokens -= given.length;
    fresh.set(old, page.state.newId());
    return {
      id: fresh.get(old),
      column: whole(text.column, `${place}.column`, 0, page.state.COLUMNS - 1),
      parent: isFirst ? null : fresh.get(text.parent),
      at: whole(text.at, `${place}.at`, 0, MOST_TOKENS),
      prompt: isFirst ? string(text.prompt, `${place}.prompt`) : "",
      promptIds: ids.map((id, n) => whole(id, `${place}.prompt_ids[${n}]`, 0, size - 1)),
      seed: whole(text.seed, `${place}.seed`, 0, Number.MAX_SAFE_INTEGER),
      samplers: strings(text.samplers, `${place}.samplers`),
      chosen: whole(text.chosen, `${place}.chosen`, 0, given.length),
      finish: text.finish === null ? null : string(text.finish, `${place}.finish`),
      tokens: given.map((token, n) => readToken(token, `${place}.tokens[${n}]`, size)),
    };
  }

  function readToken(token, place, size) {
    const { alternatives } = object(token, place);
    const others = list(alternatives, `${place}.alternatives`, 1000);
    return {
      ...readDrawn(token, place, size),
      alternatives: others.map((each, n) => {
        const where = `${place}.alternatives[${n}]`;
        const kept = list(object(each, where).kept, `${where}.kept`, 40);
        check(kept.every((isKept) => typeof isKept === "boolean"), `${where}.kept`);
        return { ...readDrawn(each, where, size), kept };
      }),
    };
  }

  function readDrawn({ id, text, log_probability: own }, place, size) {
    check(own === null || (Number.isFinite(own) && own <= 1e-3), `${place}.log_probability`);
    return {
      id: whole(id, `${place}.id`, 0, size - 1),
      text: string(text, `${place}.text`),
      log_probability: own,
    };
  }

  // ---- checks of single values, which return them -------------------------------------------

  function check(holds, place) {
    if (!holds) throw new FileFault("file.damaged", { place });
  }

  function object(value, place) {
    check(typeof value === "object" && value !== null && !Array.isArray(value), place);
    return value;
  }

  function list(value, place, most) {
    check(Array.isArray(value) && value.length <= most, place);
    return value;
  }

  function string(value, place) {
    check(typeof value === "string", place);
    return value;
  }

  function strings(value, place) {
    return list(value, place, 100).map((each, n) => string(each, `${place}[${n}]`));
  }

  function whole(value, place, least, most) {
    check(Number.isSafeInteger(value) && value >= least && value <= most, place);
    return value;
  }

  page.transfer = { FileFault, writeFile, readFile };
})((globalThis.textgenPage ??= {}));
