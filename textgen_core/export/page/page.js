// Brings the parts together: opens a model, builds its columns, shows the state and keeps it.
(function (page) {
  "use strict";

  const { make, button, byId, announce } = page.elements;
  const { words } = page;
  const { say } = words;
  const MARKINGS = ["colour", "bits", "plain"];
  const SAVE_AFTER = 800; // milliseconds without a change

  const backend = window.textgenBackend;
  let session = null; // of one model: {info, state, jobs, keeper, actions, columns, panel}
  const panel = new page.tokenPanel.TokenPanel();
  let saving = 0;

  // ---- a model is opened ------------------------------------------------------------------------

  async function open(model = null) {
    const info = await backend.info(model);
    if (session) closeSession();
    const keeper = new page.storage.Keeper(info);
    const state = keeper.load() ?? new page.state.State(page.state.firstSetup(firstOf(info)));
    session = { info, keeper, state, panel };
    session.jobs = new page.jobs.Jobs({
      backend, info, state,
      onTokens: (text, tokens) => columnOf(text)?.append(tokens),
      onChange: showRunning,
    });
    session.actions = new page.writing.Actions({ ...session, onFault: showFault });
    state.onChange(update);
    build();
    return info;
  }

  function firstOf(info) {
    const length = Math.min(200, info.max_tokens);
    const kept = session?.state.setup; // of the model before: what was typed goes along
    return { prompt: kept?.prompt ?? info.default_prompt ?? "", seed: kept?.seed ?? 1, length, chain: info.chain };
  }

  function closeSession() {
    session.jobs.cancelAll();
    save();
  }

  // Tokens are appended to what is shown; another branch may be shown by now.
  function columnOf(text) {
    const column = session.columns[text.column];
    return column?.own.current === text.id ? column : null;
  }

  // Everything whose words depend on the language or whose number on the columns.
  function build() {
    const { info, state } = session;
    document.title = `${info.model} – textgen`;
    byId("model-name").textContent = info.model;
    byId("model-line").removeAttribute("data-say");
    byId("model-line").textContent = page.about.summaryOf(info);
    byId("model-choice").hidden = info.models.length < 2;
    byId("model").replaceChildren(...info.models.map((each) =>
      make("option", { value: each, selected: each === info.model }, each)));
    session.columns = state.setup.columns.map((_, place) =>
      new page.column.Column(place, { ...session, onFold: foldTogether }));
    if (isWide()) session.columns[0].chainBox.open = true;
    byId("text-columns").replaceChildren(...session.columns.map((column) => column.element));
    byId("length").max = info.max_tokens;
    ["about-open", "export", "import", "clear"].forEach((id) => (byId(id).disabled = false));
    fillChoices();
    fillColumns();
    update();
  }

  const isWide = () => matchMedia("(min-width: 64rem)").matches;

  // Side by side, all samplers are shown or none, so that the texts begin at one height.
  function foldTogether(isOpen) {
    if (isWide()) session.columns.forEach(({ chainBox }) => (chainBox.open = isOpen));
  }

  // What there is to choose from, of which the columns need a model.
  function fillChoices() {
    const scale = [null, ...page.surprisal.LIMITS].map((limit, level) => {
      const next = page.surprisal.LIMITS[level];
      const text = limit === null ? say("scale.under", { limit: next })
        : next === undefined ? say("scale.over", { limit }) : `${limit}–${next}`;
      return make("span", { class: level ? `s${level}` : null }, text);
    });
    byId("scale").replaceChildren(...scale);
    fillRadios("marking", MARKINGS, (each) => say(`marking.${each}`), marking(), setMarking);
    byId("language").replaceChildren(...words.LANGUAGES.map((code) =>
      make("option", { value: code, lang: code, selected: code === words.language() }, words.nameOf(code))));
  }

  function fillColumns() {
    const counts = Array.from({ length: page.state.COLUMNS }, (_, n) => String(n + 1));
    const setShown = (each) => session.state.step("step.columns", { shown: Number(each) });
    fillRadios("columns", counts, (each) => each, String(session.state.setup.shown), setShown);
  }

  function fillRadios(name, values, textOf, chosen, onChoice) {
    const group = byId(name);
    group.querySelectorAll("label").forEach((label) => label.remove());
    group.append(...values.map((value) => make("label", {},
      make("input", { type: "radio", name, value, checked: value === chosen, autocomplete: "off", on: { change: () => onChoice(value) } }),
      make("span", {}, textOf(value)))));
  }

  // ---- the state is shown -----------------------------------------------------------------------

  function update() {
    const { setup } = session.state;
    for (const name of ["prompt", "seed", "length"]) {
      if (byId(name) !== document.activeElement) byId(name).value = setup[name];
    }
    if (byId("ends") !== document.activeElement) byId("ends").value = page.ends.format(setup.stop);
    byId("columns").querySelector(`[value="${setup.shown}"]`).checked = true;
    byId("text-columns").dataset.shown = setup.shown;
    session.columns.forEach((column, place) => {
      column.element.hidden = place >= setup.shown;
      column.update();
    });
    showSteps();
    saveSoon();
  }

  function showSteps() {
    const { past, future } = session.state;
    const show = (id, step) => {
      byId(id).disabled = !step;
      const label = step ? `${say(id)}: ${say(step.label)}` : say(id);
      byId(id).setAttribute("aria-label", label);
      byId(id).title = label;
    };
    show("undo", past.at(-1));
    show("redo", future[0]);
  }

  function showRunning() {
    const { isRunning } = session.jobs;
    const wasRunning = !byId("stop").hidden;
    const hadFocus = [byId("write"), byId("stop")].includes(document.activeElement);
    byId("write").hidden = isRunning;
    byId("write").disabled = false;
    byId("stop").hidden = !isRunning;
    if (hadFocus && wasRunning !== isRunning) byId(isRunning ? "stop" : "write").focus();
    if (wasRunning !== isRunning) announce(say(isRunning ? "status.writing" : "status.ready"));
    session.columns.forEach((column) => column.update());
    if (isRunning && !wasRunning) bringIntoSight(session.columns[0].view.box);
    if (!isRunning) saveSoon();
  }

  // On a phone the text begins below what is seen.
  function bringIntoSight(box) {
    if (box.getBoundingClientRect().top > 0.7 * innerHeight) byId("text-columns").scrollIntoView();
  }

  function showNotice(text, ...more) {
    const notice = make("div", { class: "notice" }, make("p", {}, text), ...more);
    const close = page.elements.signButton("×", say("notice.close"), () => notice.remove());
    notice.append(close);
    byId("notices").replaceChildren(notice);
  }

  function showFault(error) {
    if (!session) byId("model-line").textContent = "";
    if (error.status === 401) return askForKey();
    return showNotice(page.writing.faultText(error), button(say("retry"), startAgain));
  }

  function startAgain() {
    byId("notices").replaceChildren();
    start(session?.info.model);
  }

  function askForKey() {
    const field = make("input", { type: "password", "aria-label": say("key"), autocomplete: "off" });
    const use = (event) => {
      event.preventDefault();
      backend.useKey(field.value);
      startAgain();
    };
    const send = make("button", { type: "submit" }, say("key.use"));
    showNotice(say("fault.key"), make("form", { on: { submit: use } }, field, " ", send));
    field.focus();
  }

  // ---- it is kept -------------------------------------------------------------------------------

  function saveSoon() {
    clearTimeout(saving);
    if (!session.jobs.isRunning) saving = setTimeout(save, SAVE_AFTER);
  }

  function save() {
    const { keeper, state } = session;
    const isKept = keeper.save(state);
    byId("kept").textContent = isKept ? "" : say(keeper.works ? "kept.full" : "kept.never");
  }

  const marking = () => {
    const kept = page.storage.keptChoice("marking");
    return MARKINGS.includes(kept) ? kept : MARKINGS[0];
  };

  function setMarking(value) {
    page.storage.keepChoice("marking", value);
    byId("texts").dataset.marking = value;
  }

  // Open a model, by default the backend's first. `ready` is its promise; a failure is shown.
  function start(model = null) {
    const opened = open(model);
    opened.then(() => (byId("write").disabled = false), showFault);
    page.main.ready = opened;
  }

  page.main = { start, build, fillChoices, save, showNotice, marking, setMarking, session: () => session };
})((globalThis.textgenPage ??= {}));
