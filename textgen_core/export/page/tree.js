// The texts of a page as a tree: a text goes on from some token of its parent.
//
// A text: {id, column, parent, at, prompt, promptIds, seed, samplers, tokens, chosen, finish}.
// `at` counts the tokens of the parent's own that come before; `chosen` those that the reader chose
// in place of the model. Only a text without a parent has a prompt. `texts` is a Map by id.
(function (page) {
  "use strict";

  const END = 3; // the token that ends a text; 0 to 2 are never drawn

  // [{text, count}] from the first text to this one: how many tokens of each are in its path.
  function pathOf(texts, id) {
    const path = [];
    let count = Infinity;
    for (let text = texts.get(id); text; text = texts.get(text.parent)) {
      path.unshift({ text, count: Math.min(count, text.tokens.length) });
      count = text.at;
    }
    return path;
  }

  const tokensOf = (texts, id) =>
    pathOf(texts, id).flatMap(({ text, count }) => text.tokens.slice(0, count));

  const rootOf = (texts, id) => pathOf(texts, id)[0]?.text ?? null;

  // The text that a token of a path is of, and its place there.
  function locate(texts, id, index) {
    let before = 0;
    for (const { text, count } of pathOf(texts, id)) {
      if (index < before + count) return { text, at: index - before };
      before += count;
    }
    return null;
  }

  // The ids of what comes before a token of a path: the prompt, and the tokens before it.
  function idsBefore(texts, id, index) {
    const tokens = tokensOf(texts, id).slice(0, index);
    return [...rootOf(texts, id).promptIds, ...tokens.map((token) => token.id)];
  }

  // Places in a path from which other texts go on, as a Set of indices.
  function forksOf(texts, ids, id) {
    const forks = new Set();
    let before = 0;
    const path = pathOf(texts, id);
    for (const [place, { text, count }] of path.entries()) {
      const next = path[place + 1]?.text;
      for (const each of ids) {
        const child = texts.get(each);
        const isFork = child.parent === text.id && child !== next && child.at < text.tokens.length;
        if (isFork && child.at <= count) forks.add(before + child.at);
      }
      if (next && count < text.tokens.length) forks.add(before + count);
      before += count;
    }
    return forks;
  }

  // The texts of a column as rows {text, depth}, each under its parent.
  function outline(texts, ids, column) {
    const own = ids.map((id) => texts.get(id)).filter((text) => text.column === column);
    const present = new Set(own.map((text) => text.id));
    const rows = [];
    const visit = (text, depth) => {
      rows.push({ text, depth });
      own.filter((child) => child.parent === text.id).forEach((child) => visit(child, depth + 1));
    };
    own.filter((text) => !present.has(text.parent)).forEach((text) => visit(text, 0));
    return rows;
  }

  // A text and all that go on from it.
  function withDescendants(texts, ids, id) {
    const found = new Set([id]);
    for (const each of ids) if (found.has(texts.get(each).parent)) found.add(each); // parents first
    return found;
  }

  const shownText = (tokens) => tokens.map((token) => token.text).join("");
  const hasEnded = (tokens) => tokens.at(-1)?.id === END;

  page.tree = {
    END, pathOf, tokensOf, rootOf, locate, idsBefore, forksOf, outline, withDescendants, shownText,
    hasEnded,
  };
})((globalThis.textgenPage ??= {}));
