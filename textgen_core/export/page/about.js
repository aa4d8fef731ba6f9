// What the model is: what it was trained on, how good it is, and what publishing it gives away.
(function (page) {
  "use strict";

  const { make, button, byId } = page.elements;
  const { say, isSaid, number } = page.words;

  // The line beneath the model's name; what is not known is left out.
  function summaryOf(info) {
    return [
      info.architecture,
      info.tokenizer && say("about.line.tokenizer", { tokenizer: info.tokenizer, size: number(info.vocabulary_size) }),
      info.parameters && say("about.line.parameters", { parameters: number(info.parameters) }),
      isNumber(info.step) && say("about.line.step", { step: number(info.step) }),
      isNumber(info.bits_per_byte) && say("about.line.bits", { bits: number(info.bits_per_byte, 3) }),
    ].filter(Boolean).join(" · ");
  }

  const isNumber = (value) => typeof value === "number";

  function rowsOf(info) {
    return [
      ["about.model", info.model],
      ["about.trained_on", (info.trained_on ?? []).join(", ")],
      ["about.step", isNumber(info.step) ? number(info.step) : ""],
      ["about.bits", isNumber(info.bits_per_byte) ? bitsLine(info) : ""],
      ["about.architecture", info.architecture],
      ["about.parameters", isNumber(info.parameters) ? number(info.parameters) : ""],
      ["about.tokenizer", say("about.tokens", { tokenizer: info.tokenizer, size: number(info.vocabulary_size) })],
      ["about.context", isNumber(info.context_length) ? say("count.tokens", { count: info.context_length }) : ""],
      ["about.chain", (info.chain ?? []).join(" → ") || say("chain.none")],
    ].filter(([, value]) => value);
  }

  function bitsLine({ bits_per_byte: bits, split }) {
    const shown = number(bits, 3);
    return split ? say("about.bits.split", { bits: shown, split: say(`split.${splitName(split)}`) }) : shown;
  }

  const splitName = (split) => (["train", "validation", "test"].includes(split) ? split : "other");

  function openAbout(info) {
    const dialog = byId("about");
    dialog.setAttribute("aria-labelledby", "about-title");
    dialog.replaceChildren(
      make("h2", { id: "about-title", tabindex: "-1", autofocus: true }, say("about.title")),
      make("dl", { class: "pairs" }, ...rowsOf(info).map(([key, value]) =>
        make("div", {}, make("dt", {}, say(key)), make("dd", {}, String(value))))),
      make("p", {}, say("about.bits.meaning")),
      make("p", { class: "notice" }, say("about.memory")),
      ...(info.notices ?? []).filter((notice) => !isSaid("about.memory.notice", notice))
        .map((notice) => make("p", { class: "quiet" }, notice)),
      make("h3", {}, say("about.keys")),
      make("dl", { class: "pairs keys" }, ...keyRows()),
      button(say("about.close"), () => dialog.close(), { class: "main" }));
    dialog.showModal();
  }

  function keyRows() {
    const keys = ["write", "undo", "move", "open", "close"];
    return keys.map((name) => make("div", {},
      make("dt", {}, say(`keys.${name}.keys`)), make("dd", {}, say(`keys.${name}`))));
  }

  page.about = { summaryOf, openAbout };
})((globalThis.textgenPage ??= {}));
