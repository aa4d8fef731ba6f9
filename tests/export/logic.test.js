// What the page computes without a browser: specs, the tree, undo, what is kept, what is imported.
// `node --test tests/export/logic.test.js`; test_page_logic.py runs it where node is there.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const vm = require("node:vm");

globalThis.crypto ??= require("node:crypto").webcrypto;
const FOLDER = path.join(__dirname, "../../textgen_core/export/page");
for (const name of ["surprisal", "specs", "tree", "ends", "state", "encoding", "transfer", "storage"]) {
  const file = path.join(FOLDER, `${name}.js`);
  vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
}
const { surprisal, specs, tree, ends, state, encoding, transfer, storage } = globalThis.textgenPage;

const INFO = { model: "fables", vocabulary_size: 50 };
const option = (name, type, rules) => ({ name, type, default: null, choices: [], ...rules });
const NUCLEUS = { name: "nucleus", options: [option("p", "float", { default: 0.9, above: 0, at_most: 1 })] };
const STRANGER = {
  name: "stranger",
  options: [
    option("last", "int", { at_least: 1 }),
    option("words", "str", { default: "a" }),
    option("strict", "bool", { default: false }),
    option("mode", "str", { default: "soft", choices: ["soft", "hard"] }),
  ],
};

const token = (id, text = `t${id} `) => ({
  id,
  text,
  log_probability: -1.23456789,
  alternatives: [
    { id, text, log_probability: -1.23456789, kept: [true, true] },
    { id: 9, text: "nine", log_probability: null, kept: [true, false] },
  ],
});

function text(id, parent, at, ids, rest = {}) {
  return {
    id, column: 0, parent, at, prompt: parent ? "" : "Once", promptIds: parent ? [] : [7, 8], seed: 1,
    samplers: ["nucleus:p=0.9", "top-k:k=3"], tokens: ids.map((each) => token(each)), chosen: 0, finish: "length", ...rest,
  };
}

// a: 10 11 12 13; b leaves it before 12 with 20 21; c goes on from b's end; d begins anew.
function grown() {
  const setup = state.firstSetup({ prompt: "Once", seed: 1, length: 5, chain: ["nucleus:p=0.9"] });
  const held = new state.State(setup);
  held.addTexts("step.write", [text("a", null, 0, [10, 11, 12, 13])]);
  held.addTexts("step.branch", [text("b", "a", 2, [20, 21], { chosen: 1 })]);
  held.addTexts("step.continue", [text("c", "b", 2, [30])]);
  held.addTexts("step.write", [text("d", null, 0, [40])]);
  return held;
}

test("every script of the page can be parsed", () => {
  const names = fs.readdirSync(FOLDER).filter((each) => each.endsWith(".js"));
  assert.ok(names.length > 20);
  for (const name of names) new vm.Script(fs.readFileSync(path.join(FOLDER, name), "utf8"), { filename: name });
});

// ---- specs -----------------------------------------------------------------------------------

test("a spec gives its values, the defaults for the rest", () => {
  const valuesOf = (spec, sampler) => specs.valuesOf(specs.parseSpec(spec), sampler);
  assert.deepEqual(valuesOf("nucleus", NUCLEUS), { p: 0.9 });
  assert.deepEqual(valuesOf("nucleus:0.5", NUCLEUS), { p: 0.5 });
  assert.deepEqual(valuesOf(" nucleus : p = 0.25", NUCLEUS), { p: "p = 0.25" }); // as textgen reads it: a fault
  assert.deepEqual(valuesOf("stranger:last=3,words='x,mode=y',strict=true,mode=hard", STRANGER), {
    last: 3, words: "x,mode=y", strict: true, mode: "hard",
  });
  assert.deepEqual(valuesOf("stranger:words=x,y", STRANGER).words, "x,y");
});

test("a written spec is read as the same values", () => {
  for (const words of ["plain", "a,b", "last=1", "", " ends with a space ", "two words"]) {
    const values = { last: null, words, strict: true, mode: "hard" };
    const written = specs.formatSpec(STRANGER, values);
    assert.deepEqual(specs.valuesOf(specs.parseSpec(written), STRANGER), values, written);
  }
  assert.equal(specs.formatSpec({ name: "greedy", options: [] }, {}), "greedy");
  assert.equal(specs.formatSpec(NUCLEUS, { p: 0.5 }), "nucleus:p=0.5");
});

test("a value outside the declared bounds is a fault that names the bound", () => {
  const faultOf = (value) => specs.convert(value, NUCLEUS.options[0]).fault;
  assert.equal(faultOf("0.5"), null);
  assert.equal(faultOf("1"), null);
  assert.deepEqual(faultOf("0"), { key: "option.above", values: { bound: 0 } });
  assert.deepEqual(faultOf("1.01"), { key: "option.at_most", values: { bound: 1 } });
  for (const odd of ["", "x", "0x", "NaN", "Infinity"]) assert.equal(faultOf(odd).key, "option.number");
  assert.equal(specs.convert("1.5", STRANGER.options[0]).fault.key, "option.whole");
  assert.equal(specs.convert("medium", STRANGER.options[3]).fault.key, "option.choice");
  assert.deepEqual(specs.convert("", STRANGER.options[0]), { value: null, fault: null });
});

test("a slider spans allowed values, and is left out where it would not help", () => {
  assert.deepEqual(specs.sliderOf(NUCLEUS.options[0]), { least: 0.01, most: 1, step: 0.01 });
  const count = specs.sliderOf(option("k", "int", { default: 40, at_least: 1, at_most: 2 ** 31 - 1 }));
  assert.deepEqual(count, { least: 1, most: 80, step: 1 });
  const presence = specs.sliderOf(option("presence", "float", { default: 0, at_least: -2, at_most: 2 }));
  assert.deepEqual(presence, { least: -2, most: 2, step: 0.1 });
  assert.deepEqual(specs.sliderOf(option("t", "float", { default: 1, above: 0, below: 2 })).most, 1.9);
  assert.equal(specs.sliderOf(option("shift", "float", { default: 0 })), null);
  assert.equal(specs.sliderOf(STRANGER.options[0]), null);
  assert.equal(specs.sliderOf(STRANGER.options[1]), null);
});

// ---- the tree ----------------------------------------------------------------------------------

test("the path of a branch has its parents' tokens up to where it leaves them", () => {
  const { texts } = grown();
  const ids = (id) => tree.tokensOf(texts, id).map((each) => each.id);
  assert.deepEqual(ids("a"), [10, 11, 12, 13]);
  assert.deepEqual(ids("b"), [10, 11, 20, 21]);
  assert.deepEqual(ids("c"), [10, 11, 20, 21, 30]);
  assert.deepEqual(tree.idsBefore(texts, "c", 3), [7, 8, 10, 11, 20]);
  assert.deepEqual(tree.idsBefore(texts, "c", Infinity), [7, 8, 10, 11, 20, 21, 30]);
});

test("a path of a branch of a branch that leaves early is cut at the earliest place", () => {
  const { texts } = grown();
  texts.set("e", text("e", "b", 0, [50]));
  assert.deepEqual(tree.tokensOf(texts, "e").map((each) => each.id), [10, 11, 50]);
});

test("a token of a path is found in its text", () => {
  const { texts } = grown();
  const found = (index) => {
    const { text: owner, at } = tree.locate(texts, "c", index);
    return [owner.id, at];
  };
  assert.deepEqual([0, 1, 2, 3, 4].map(found), [["a", 0], ["a", 1], ["b", 0], ["b", 1], ["c", 0]]);
  assert.equal(tree.locate(texts, "c", 5), null);
});

test("forks are where other texts go on, seen from either side", () => {
  const { texts, setup } = grown();
  assert.deepEqual([...tree.forksOf(texts, setup.texts, "a")], [2]);
  assert.deepEqual([...tree.forksOf(texts, setup.texts, "c")], [2]);
  assert.deepEqual([...tree.forksOf(texts, setup.texts, "d")], []);
});

test("the outline sets branches under their parents", () => {
  const { texts, setup } = grown();
  const rows = tree.outline(texts, setup.texts, 0).map(({ text: { id }, depth }) => [id, depth]);
  assert.deepEqual(rows, [["a", 0], ["b", 1], ["c", 2], ["d", 0]]);
  assert.deepEqual(tree.outline(texts, setup.texts, 1), []);
});

// ---- undo ----------------------------------------------------------------------------------------

test("undo and redo bring back what was shown, and a new step ends redoing", () => {
  const held = grown();
  const shown = () => held.setup.columns[0].current;
  assert.equal(held.undo(), "step.write");
  assert.equal(shown(), "c");
  assert.equal(held.undo(), "step.continue");
  assert.equal(shown(), "b");
  assert.equal(held.redo(), "step.continue");
  assert.equal(shown(), "c");
  held.showText("a", "step.show");
  assert.equal(held.redo(), null);
  for (let step = 0; step < 9; step += 1) held.undo();
  assert.equal(shown(), null);
  assert.equal(held.undo(), null);
});

test("a text is removed with its branches, its parent is shown, and undo has it all back", () => {
  const held = grown();
  held.showText("c", "step.show");
  held.removeText("b", "step.remove_text");
  assert.deepEqual(held.setup.texts, ["a", "d"]);
  assert.equal(held.setup.columns[0].current, "a");
  held.forgetUnreachable();
  held.undo();
  assert.deepEqual(held.setup.texts, ["a", "b", "c", "d"]);
  assert.equal(tree.tokensOf(held.texts, "c").length, 5);
});

test("a slider's steps are one, others are not", () => {
  const held = grown();
  const before = held.past.length;
  for (const p of [0.1, 0.2, 0.3]) held.setChain(0, [`nucleus:p=${p}`], "step.option", "option 0 p");
  assert.equal(held.past.length, before + 1);
  held.undo();
  assert.deepEqual(held.setup.columns[0].chain, ["nucleus:p=0.9"]);
});

// ---- kept and imported ---------------------------------------------------------------------------

test("what the browser keeps is what was, but for the figures' last digits", () => {
  const { texts } = grown();
  const original = texts.get("b");
  original.tokens[1].alternatives[1].text = "another";
  const back = encoding.decodeText(JSON.parse(JSON.stringify(encoding.encodeText(original))));
  const rounded = JSON.parse(JSON.stringify(original), (key, value) =>
    key === "log_probability" && value !== null ? Math.round(value * 1e4) / 1e4 : value);
  assert.deepEqual(back, rounded);
  const bare = encoding.decodeText(encoding.encodeText(original, { alternatives: false }));
  assert.deepEqual(bare.tokens.map((each) => each.alternatives), [[], []]);
});

test("a token takes few bytes where it is kept", () => {
  const many = text("x", null, 0, Array.from({ length: 1000 }, (_, n) => n % 50));
  for (const each of many.tokens) {
    each.alternatives = Array.from({ length: 10 }, (_, n) => ({ id: n, text: `t${n}`, log_probability: -1.2345678, kept: [true] }));
  }
  assert.ok(JSON.stringify(encoding.encodeText(many)).length < 200 * 1000);
});

test("an exported file brings everything back under new ids", () => {
  const held = grown();
  const file = transfer.writeFile(held.setup, held.texts, INFO);
  const { setup, texts, isOtherModel } = transfer.readFile(file, INFO);
  assert.equal(isOtherModel, false);
  assert.equal(texts.length, 4);
  const map = new Map(texts.map((each) => [each.id, each]));
  assert.deepEqual(setup.texts, texts.map((each) => each.id));
  assert.ok(texts.every((each) => !held.texts.has(each.id)));
  assert.deepEqual(tree.tokensOf(map, setup.texts[2]), tree.tokensOf(held.texts, "c"));
  assert.deepEqual(tree.rootOf(map, setup.texts[2]).promptIds, [7, 8]);
  assert.equal(setup.columns[0].current, setup.texts[3]);
  assert.equal(transfer.readFile(file, { ...INFO, model: "x" }).isOtherModel, true);
});

test("strings to stop at are lines, in which a line end is written", () => {
  const stop = ["the end", "\n\n", "a\\n"];
  assert.deepEqual(ends.read("the end\n\\n\\n\n\na\\\\n"), stop);
  assert.deepEqual(ends.read(ends.format(stop)), stop);
  assert.deepEqual([[], ["a"], Array(5).fill("a"), ["a".repeat(65)]].map(ends.faultOf), [null, null, "ends.many", "ends.long"]);
});

test("strings to stop at are exported and imported, and older files have none", () => {
  const held = grown();
  held.adjust({ stop: ["\n", "x"] });
  const file = transfer.writeFile(held.setup, held.texts, INFO);
  assert.deepEqual(transfer.readFile(file, INFO).setup.stop, ["\n", "x"]);
  const { stop, ...older } = JSON.parse(file);
  assert.deepEqual(transfer.readFile(JSON.stringify(older), INFO).setup.stop, []);
});

test("a bad file is refused with the place of its fault", () => {
  const held = grown();
  const file = () => JSON.parse(transfer.writeFile(held.setup, held.texts, INFO));
  const faultOf = (change) => {
    const changed = file();
    change(changed);
    try {
      transfer.readFile(JSON.stringify(changed), INFO);
      return null;
    } catch (error) {
      assert.ok(error instanceof transfer.FileFault, String(error));
      return error.values.place ?? error.key;
    }
  };
  assert.equal(faultOf(() => {}), null);
  assert.equal(faultOf((each) => (each.format = "x")), "file.other_format");
  assert.equal(faultOf((each) => (each.version = 2)), "file.other_version");
  assert.equal(faultOf((each) => (each.model.vocabulary_size = 51)), "file.other_model");
  assert.equal(faultOf((each) => (each.texts[1].parent = "gone")), "texts[1].parent");
  assert.equal(faultOf((each) => (each.texts[1].at = 5)), "texts[1].at");
  assert.equal(faultOf((each) => (each.texts[1].column = 1)), "texts[1].at");
  assert.equal(faultOf((each) => (each.texts[1].id = "a")), "texts[1].id");
  assert.equal(faultOf((each) => (each.texts[0].tokens[2].id = 50)), "texts[0].tokens[2].id");
  assert.equal(faultOf((each) => (each.texts[0].tokens[2].text = 5)), "texts[0].tokens[2].text");
  assert.equal(faultOf((each) => (each.texts[0].prompt_ids = [-1])), "texts[0].prompt_ids[0]");
  assert.equal(faultOf((each) => (each.texts[0].tokens[0].alternatives[1].kept = [1])), "texts[0].tokens[0].alternatives[1].kept");
  assert.equal(faultOf((each) => (each.columns[0].current = "gone")), "columns[0].current");
  assert.equal(faultOf((each) => each.columns.pop()), "columns");
  assert.equal(faultOf((each) => (each.seed = 1.5)), "seed");
  assert.equal(faultOf((each) => (each.shown = 5)), "shown");
  assert.equal(faultOf((each) => (each.stop = ["", "x"])), "stop");
  assert.equal(faultOf((each) => (each.texts = {})), "texts");
  assert.throws(() => transfer.readFile("{", INFO), { key: "file.no_json" });
  assert.throws(() => transfer.readFile("null", INFO), { key: "file.other_format" });
});

test("any value of a file replaced by any other is read or refused, never a crash", () => {
  const held = grown();
  const content = transfer.writeFile(held.setup, held.texts, INFO);
  const placesOf = (value, at = []) =>
    value !== null && typeof value === "object"
      ? [at, ...Object.keys(value).flatMap((key) => placesOf(value[key], [...at, key]))]
      : [at];
  let refused = 0;
  for (const place of placesOf(JSON.parse(content)).filter((each) => each.length)) {
    for (const odd of [null, true, -1, 1.5, "x", [], {}, [null], { id: [] }]) {
      const changed = JSON.parse(content);
      const owner = place.slice(0, -1).reduce((value, key) => value[key], changed);
      owner[place.at(-1)] = odd;
      try {
        transfer.readFile(JSON.stringify(changed), INFO);
      } catch (error) {
        assert.ok(error instanceof transfer.FileFault, `${place.join(".")}: ${error.stack}`);
        refused += 1;
      }
    }
  }
  assert.ok(refused > 1000);
});

// ---- storage -------------------------------------------------------------------------------------

// A browser's storage, which has room for so many characters.
function browserStorage(room = Infinity) {
  const methods = {
    getItem: (key) => (Object.hasOwn(held, key) ? held[key] : null),
    removeItem: (key) => delete held[key],
    setItem: (key, value) => {
      const others = Object.entries(held).filter(([other]) => other !== key);
      if (others.reduce((sum, [, each]) => sum + each.length, value.length) > room) throw new Error("full");
      held[key] = value;
    },
  };
  const held = Object.create(methods);
  globalThis.window = { localStorage: held };
  return held;
}

test("a reload brings back texts, steps and what was undone", () => {
  browserStorage();
  const held = grown();
  held.undo();
  held.adjust({ stop: ["end"] });
  assert.equal(new storage.Keeper(INFO).save(held), true);
  const back = new storage.Keeper(INFO).load();
  assert.deepEqual(back.setup, held.setup);
  assert.deepEqual([back.past, back.future], [held.past, held.future]);
  assert.deepEqual([...back.texts.keys()], [...held.texts.keys()]);
  assert.equal(new storage.Keeper({ ...INFO, model: "other" }).load(), null);
});

test("a text that nothing names any more is no longer kept", () => {
  const browser = browserStorage();
  const held = grown();
  const keeper = new storage.Keeper(INFO);
  keeper.save(held);
  held.removeText("d", "step.remove_text");
  Object.assign(held, { past: [], future: [] });
  keeper.save(held);
  assert.deepEqual(Object.keys(browser).filter((key) => key.includes(":text:")).length, 3);
});

test("of two windows neither takes away the other's texts", () => {
  browserStorage();
  const [one, other] = [new storage.Keeper(INFO), new storage.Keeper(INFO)];
  const [first, second] = [grown(), grown()];
  first.addTexts("step.write", [text("mine", null, 0, [41])]);
  one.save(first);
  other.save(second);
  one.save(first);
  assert.equal(new storage.Keeper(INFO).load().texts.size, 5);
});

test("a text that is missing costs what goes on from it, and no more", () => {
  const browser = browserStorage();
  const keeper = new storage.Keeper(INFO);
  keeper.save(grown());
  delete browser[keeper.keyOf("b")];
  const back = new storage.Keeper(INFO).load();
  assert.deepEqual([...back.texts.keys()], ["a", "d"]);
  back.undo();
  assert.equal(back.setup.columns[0].current, null);
  keeper.save(grown());
  assert.equal(new storage.Keeper(INFO).load().texts.size, 4);
});

test("where there is little room texts go without alternatives, and none is no crash", () => {
  const held = grown();
  browserStorage();
  new storage.Keeper(INFO).save(held);
  const whole = Object.values(globalThis.window.localStorage).join("").length;
  browserStorage(whole - 200);
  assert.equal(new storage.Keeper(INFO).save(held), true);
  const back = new storage.Keeper(INFO).load();
  assert.ok([...back.texts.values()].some((each) => each.tokens[0].alternatives.length === 0));
  browserStorage(100);
  assert.equal(new storage.Keeper(INFO).save(held), false);
  globalThis.window = {
    get localStorage() {
      throw new Error("closed");
    },
  };
  const keeper = new storage.Keeper(INFO);
  assert.deepEqual([keeper.works, keeper.save(held), keeper.load()], [false, false, null]);
});

// ---- surprisal -----------------------------------------------------------------------------------

test("surprisal is in bits, on the report's levels", () => {
  assert.equal(surprisal.bitsOf(Math.log(1 / 8)), 3);
  assert.equal(surprisal.bitsOf(null), Infinity);
  assert.deepEqual([0, 0.99, 1, 2, 4, 7, 11, Infinity].map(surprisal.levelOf), [0, 0, 1, 2, 3, 4, 5, 5]);
  assert.equal(surprisal.meanBits([]), null);
});
