// Elements made without markup, so that a foreign text stays a text.
(function (page) {
  "use strict";

  // make("button", {class: "plain", type: "button", on: {click: go}}, "Go")
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "on") {
        Object.entries(value).forEach(([event, listener]) => element.addEventListener(event, listener));
      } else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== false));
    return element;
  }

  function button(text, onClick, attributes = {}) {
    return make("button", { type: "button", on: { click: onClick }, ...attributes }, text);
  }

  // A button with a sign in place of words, which says them to those who do not see it.
  function signButton(sign, label, onClick, attributes = {}) {
    const shown = make("span", { "aria-hidden": "true" }, sign);
    return button(shown, onClick, { class: "sign", "aria-label": label, title: label, ...attributes });
  }

  const byId = (id) => document.getElementById(id);

  // Say something to those who hear the page; nothing is seen.
  function announce(sentence) {
    byId("announcement").textContent = sentence;
  }

  // Call with what has gathered, once a frame; a hidden page has no frames.
  function perFrame(work) {
    let isPlanned = false;
    const run = () => {
      isPlanned = false;
      work();
    };
    return () => {
      if (isPlanned) return;
      isPlanned = true;
      if (document.hidden) setTimeout(run, 250);
      else requestAnimationFrame(run);
    };
  }

  page.elements = { make, button, signButton, byId, announce, perFrame };
})((globalThis.textgenPage ??= {}));
