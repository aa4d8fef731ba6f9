// What the page says, in the reader's language; the catalogues are blocks of the page.
(function (page) {
  "use strict";

  const catalogue = (language) =>
    JSON.parse(document.getElementById(`words-${language}`).textContent);
  const catalogues = { en: catalogue("en"), es: catalogue("es") };
  let language = "en";

  function chooseLanguage() {
    const wished = [page.storage.keptChoice("language"), ...(navigator.languages ?? [])];
    const codes = wished.filter(Boolean).map((each) => each.slice(0, 2).toLowerCase());
    setLanguage(codes.find((code) => code in catalogues) ?? "en");
  }

  function setLanguage(code) {
    language = code;
    document.documentElement.lang = code;
    translate(document);
  }

  // A sentence with {names} put in; `count` chooses between `key.one` and `key.many`.
  function say(key, values = {}) {
    const { words } = catalogues[language];
    const chosen = "count" in values ? `${key}.${values.count === 1 ? "one" : "many"}` : key;
    const shown = { ...values };
    if ("count" in values) shown.count = number(values.count);
    return words[chosen].replace(/\{(\w+)\}/g, (_, name) => shown[name]);
  }

  // A sentence of a component, which is English unless the catalogue has it.
  function sayDeclared(sentence) {
    return catalogues[language].declared[sentence] ?? sentence;
  }

  // Whether a sentence from elsewhere is one that the page says itself, in any language.
  const isSaid = (key, sentence) =>
    Object.values(catalogues).some(({ words }) => words[key] === sentence);

  function number(value, digits = 0) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    return new Intl.NumberFormat(language, options).format(value);
  }

  function percent(share) {
    const digits = share >= 0.0995 ? 0 : share >= 0.00095 ? 1 : 3;
    if (share > 0 && share < 0.000005) return `< ${number(0.001, 3)} %`;
    return `${number(100 * share, digits)} %`;
  }

  // Fill in what the page's own markup says: data-say is a text, data-label an accessible name.
  function translate(root) {
    for (const element of root.querySelectorAll("[data-say]")) {
      element.textContent = say(element.dataset.say);
    }
    for (const element of root.querySelectorAll("[data-label]")) {
      element.setAttribute("aria-label", say(element.dataset.label));
      element.title = say(element.dataset.label);
    }
  }

  page.words = {
    LANGUAGES: Object.keys(catalogues), nameOf: (code) => catalogues[code].name,
    chooseLanguage, setLanguage, say, sayDeclared, isSaid, number, percent,
    language: () => language,
  };
})((globalThis.textgenPage ??= {}));
