// The fields and buttons of the page's own markup, the keys, and the beginning of it all.
(function (page) {
  "use strict";

  const { byId, announce } = page.elements;
  const { words, main } = page;
  const { say } = words;

  const on = (id, event, listener) => byId(id).addEventListener(event, listener);

  // ---- fields -----------------------------------------------------------------------------------

  // Returns whether a field holds a whole number within its bounds; if so, the state has it.
  function readNumber(id, least, most) {
    const text = byId(id).value.trim();
    const number = Number(text);
    const isFine = text !== "" && Number.isSafeInteger(number) && number >= least && number <= most;
    byId(id).setAttribute("aria-invalid", String(!isFine));
    byId(`${id}-fault`).textContent = isFine ? "" : say(`${id}.fault`, { least, most: words.number(most) });
    if (isFine && number !== main.session().state.setup[id]) main.session().state.adjust({ [id]: number });
    return isFine;
  }

  const readLength = () => readNumber("length", 1, main.session().info.max_tokens);
  const readSeed = () => readNumber("seed", 0, 2 ** 32 - 1);

  // Returns whether the texts that end one are few and short enough; if so, the state has them.
  function readEnds() {
    const stop = page.ends.read(byId("ends").value), fault = page.ends.faultOf(stop);
    byId("ends").setAttribute("aria-invalid", String(fault !== null));
    byId("ends-fault").textContent = fault ? say(fault, page.ends) : "";
    const { state } = main.session();
    if (!fault && String(stop) !== String(state.setup.stop)) state.adjust({ stop });
    return !fault;
  }

  on("prompt", "input", ({ target }) => main.session()?.state.adjust({ prompt: target.value }));
  on("length", "input", () => main.session() && readLength());
  on("seed", "input", () => main.session() && readSeed());
  on("ends", "input", () => main.session() && readEnds());
  on("new-seed", "click", () => {
    if (!main.session()) return;
    byId("seed").value = page.writing.randomSeed();
    readSeed();
    announce(say("seed.is", { seed: byId("seed").value }));
  });

  function write() {
    const { actions, columns, state, jobs } = main.session() ?? {};
    if (!actions || jobs.isRunning) return;
    if (!readLength()) return byId("length").focus();
    if (!readSeed()) return byId("seed").focus();
    if (!readEnds()) return byId("ends").focus();
    for (const column of columns.slice(0, state.setup.shown)) {
      const [fault] = column.cards.faults;
      if (!fault) continue;
      column.element.querySelector(".chain-box").open = true;
      return fault.focus();
    }
    return actions.write();
  }

  on("request", "submit", (event) => {
    event.preventDefault();
    write();
  });

  // ---- buttons ----------------------------------------------------------------------------------

  on("stop", "click", () => main.session().jobs.cancelAll());
  on("undo", "click", () => step("undo"));
  on("redo", "click", () => step("redo"));
  on("about-open", "click", () => page.about.openAbout(main.session().info));
  on("clear", "click", () => main.session().actions.clear());
  on("export", "click", () => page.files.save(main.session().state, main.session().info));
  on("import", "click", () => page.files.choose(openFile));
  on("model", "change", ({ target }) => main.start(target.value));
  on("language", "change", ({ target }) => {
    page.storage.keepChoice("language", target.value);
    words.setLanguage(target.value);
    if (main.session()) main.build();
    else main.fillChoices();
  });

  function step(direction) {
    const { state, jobs } = main.session();
    jobs.cancelAll();
    const label = state[direction]();
    if (label) announce(`${say(direction)}: ${say(label)}`);
  }

  function openFile(content, fault) {
    try {
      if (fault) throw fault;
      const isOtherModel = main.session().actions.open(content);
      if (isOtherModel) main.showNotice(say("file.of_other_run"));
      announce(say("file.opened"));
    } catch (error) {
      if (!(error instanceof page.transfer.FileFault)) throw error;
      main.showNotice(say(error.key, error.values));
    }
  }

  // ---- keys -------------------------------------------------------------------------------------

  const isField = (element) => element.matches?.("input:not([type=radio], [type=range], [type=checkbox]), textarea");

  document.addEventListener("keydown", (event) => {
    const isControl = event.ctrlKey || event.metaKey;
    if (isControl && event.key === "Enter") write();
    else if (event.key === "Escape" && main.session()?.jobs.isRunning) main.session().jobs.cancelAll();
    else if (isControl && !isField(event.target) && event.key.toLowerCase() === "z") {
      if (main.session()) step(event.shiftKey ? "redo" : "undo");
    } else if (isControl && !isField(event.target) && event.key === "y") {
      if (main.session()) step("redo");
    } else return;
    event.preventDefault();
  });

  addEventListener("pagehide", () => main.session() && main.save());

  words.chooseLanguage();
  main.setMarking(main.marking());
  main.fillChoices();
  main.start();
})((globalThis.textgenPage ??= {}));
