// A chain of samplers as cards, made from the options that each declares.
(function (page) {
  "use strict";

  const { make, button, signButton } = page.elements;
  const { say, sayDeclared } = page.words;
  const { allowsNone, parseSpec, valuesOf, formatSpec, convert, sliderOf } = page.specs;

  let made = 0; // numbers the fields, whose labels name them

  class Cards {
    // onChange(chain, label, kind): the chain was changed; see State.step.
    constructor(samplers, columnName, onChange) {
      Object.assign(this, { samplers, columnName, onChange });
      this.element = make("div", { class: "cards" });
      this.chain = null;
    }

    show(chain) {
      if (chain === this.chain) return;
      this.chain = chain;
      this.element.replaceChildren(this.list(), this.adder());
    }

    get faults() {
      return [...this.element.querySelectorAll("[aria-invalid=true]")];
    }

    list() {
      if (!this.chain.length) return make("p", { class: "quiet" }, say("chain.empty"));
      return make("ol", {}, ...this.chain.map((spec, place) => this.card(spec, place)));
    }

    card(text, place) {
      const spec = parseSpec(text);
      const sampler = this.samplers.find((each) => each.name === spec.name);
      const header = make("div", { class: "card-name" },
        make("strong", {}, spec.name),
        make("span", { class: "card-buttons" }, ...this.buttons(spec.name, place)));
      if (!sampler) return make("li", { class: "card" }, header, this.missing(spec.name));
      const values = valuesOf(spec, sampler);
      return make("li", { class: "card" }, header,
        make("p", { class: "quiet" }, sayDeclared(sampler.summary)),
        ...sampler.options.map((option) => this.field(option, values, sampler, place)));
    }

    // A sampler that a file names and that is not installed here.
    missing(name) {
      return make("p", { class: "fault", "aria-invalid": "true", tabindex: "-1" }, say("sampler.missing", { name }));
    }

    buttons(name, place) {
      const last = this.chain.length - 1;
      return [
        signButton("↑", say("sampler.earlier", { name }), () => this.move(place, -1), { disabled: place === 0 }),
        signButton("↓", say("sampler.later", { name }), () => this.move(place, 1), { disabled: place === last }),
        signButton("×", say("sampler.remove", { name }), () => this.remove(place)),
      ];
    }

    move(place, by) {
      const chain = [...this.chain];
      chain.splice(place + by, 0, ...chain.splice(place, 1));
      this.change(chain, "step.order", place + by);
    }

    remove(place) {
      this.change(this.chain.filter((_, each) => each !== place), "step.remove", place);
    }

    add(name) {
      const sampler = this.samplers.find((each) => each.name === name);
      const values = Object.fromEntries(sampler.options.map((each) => [each.name, each.default]));
      this.change([...this.chain, formatSpec(sampler, values)], "step.add", this.chain.length);
    }

    // The focus goes to the card at a place, since the button that was pressed is gone.
    change(chain, label, place) {
      this.onChange(chain, label);
      const cards = this.element.querySelectorAll(".card");
      const near = cards[Math.min(place, cards.length - 1)] ?? this.element;
      near.querySelector("button:not(:disabled), select")?.focus();
    }

    adder() {
      const names = this.samplers.map((each) => make("option", { value: each.name }, each.name));
      const label = `${say("sampler.choose")}: ${this.columnName}`;
      const choice = make("select", { "aria-label": label, title: label }, ...names);
      return make("div", { class: "adder" }, choice,
        button(say("sampler.add"), () => this.add(choice.value)));
    }

    // ---- one option ----------------------------------------------------------------------------

    field(option, values, sampler, place) {
      const id = `option-${(made += 1)}`;
      const fault = make("p", { class: "fault", id: `${id}-fault` });
      const help = make("p", { class: "quiet help", id: `${id}-help` }, sayDeclared(option.help));
      const set = (text, source) => {
        const read = convert(text, option);
        fault.textContent = read.fault ? say(read.fault.key, this.boundOf(read.fault)) : "";
        inputs.forEach((each) => each.setAttribute("aria-invalid", String(read.fault !== null)));
        if (read.fault) return;
        values[option.name] = read.value;
        inputs.filter((each) => each !== source).forEach((each) => (each.value = read.value ?? ""));
        const chain = this.chain.map((each, n) => (n === place ? formatSpec(sampler, values) : each));
        this.chain = chain; // the fields stay as they are
        this.onChange(chain, "step.option", `option ${place} ${option.name} ${this.columnName}`);
      };
      const inputs = this.inputs(option, values[option.name], id, set);
      inputs[0].setAttribute("id", id);
      inputs.forEach((each) => each.setAttribute("aria-describedby", `${id}-help ${id}-fault`));
      if (typeof values[option.name] === "string" && values[option.name] !== option.default) {
        const read = convert(values[option.name], option);
        if (read.fault) fault.textContent = say(read.fault.key, this.boundOf(read.fault));
        inputs.forEach((each) => each.setAttribute("aria-invalid", String(read.fault !== null)));
      }
      return make("div", { class: "option" },
        make("label", { for: id }, option.name), make("div", { class: "inputs" }, ...inputs), help, fault);
    }

    boundOf({ values }) {
      return { bound: String(values.bound) };
    }

    inputs(option, value, id, set) {
      const on = (event, read) => ({ [event]: ({ target }) => set(read(target), target) });
      if (option.type === "bool") {
        return [make("input", {
          type: "checkbox", checked: value === true, on: on("change", (box) => String(box.checked)),
        })];
      }
      if ((option.choices ?? []).length) return [this.select(option, value, set)];
      const isText = option.type === "str";
      const field = make("input", {
        type: "text", inputmode: isText ? null : option.type === "int" ? "numeric" : "decimal",
        value: value ?? "", placeholder: allowsNone(option) ? say("option.none") : null,
        spellcheck: "false", autocomplete: "off", on: on("change", (input) => input.value),
      });
      const slider = sliderOf(option);
      if (!slider) return [field];
      const { least, most, step } = slider;
      return [field, make("input", {
        type: "range", min: least, max: most, step, value,
        "aria-label": say("option.slider", { name: option.name }),
        on: on("input", (input) => input.value),
      })];
    }

    select(option, value, set) {
      const shown = allowsNone(option) ? ["", ...option.choices] : option.choices;
      return make("select", { on: { change: ({ target }) => set(target.value, target) } },
        ...shown.map((each) => make("option", { value: each, selected: each === value },
          each === "" ? say("option.none") : String(each))));
    }
  }

  page.cards = { Cards };
})((globalThis.textgenPage ??= {}));
