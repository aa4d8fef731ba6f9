// Token healing: a prompt may end anywhere, so its last tokens are taken back and drawn again, as
// far as they agree with its text. A guide has, for each state, a bias for every token and the state
// that it leads to: places inside a character, and places inside the end of a prompt.

const MOST_NODES = 24, MOST_CHECKED = 256, LOOK_BACK = 64, LEAST_AGREEMENT = -60;
const SUPPRESSED = [PAD, UNK, START];

const bytesKey = (text) => asKey(encoder.encode(text));
const bytesOfKey = (key) => Array.from(key, (character) => character.charCodeAt(0));

/** Returns a prompt less the tokens from which a token of the vocabulary goes beyond its end. */
function cutPrompt({ text, tokens }, tokenBytes, knowsStarts) {
  const ids = [START, ...tokens.map(({ id }) => id)];
  const keyOfToken = (place) => { // of what was not known: the text that it stands for
    const { id, start, end } = tokens[place - 1];
    if (id !== UNK) return tokenBytes.after(ids.slice(0, place)).keys[id];
    return bytesKey(text.slice(place > 1 ? Math.max(start, tokens[place - 2].end) : start, end));
  };
  let tail = text.slice(tokens.reduce((end, token) => Math.max(end, token.end), 0));
  tail = /^[\p{White_Space}\x1c-\x1f]+$/u.test(tail) ? bytesKey(tail) : ""; // spaces that no token stands for
  let found = { fed: ids, taken: [], tail: "" };
  for (let cut = ids.length; ; tail = keyOfToken(cut) + tail) {
    const table = tail ? tokenBytes.after(ids.slice(0, cut)) : null, taken = ids.slice(cut);
    const isKept = String(taken) === String(ids.slice(1, 2)) && taken[0] !== UNK && !knowsStarts;
    const isWhole = utf8State(bytesOfKey(tail)) === READY;
    if (table && isWhole && !isKept && agree(table, tail, taken)) found = { fed: ids.slice(0, cut), taken, tail };
    cut -= 1;
    if (cut < 1 || (table && tail.length > table.longest)) return found;
  }
}

function agree(table, tail, taken) {
  if (table.beyond(tail).length) return true;
  return taken.length === 1 && table.exactly(tail).some((id) => id !== taken[0]);
}

/** Returns the root of the paths through the text that was taken back, or null. */
function findPaths(cut, tokenBytes) {
  const utf8 = tokenBytes.utf8Follows();
  const isTaken = (path, id) => {
    const known = [...path, id];
    if (!path.length || known.every((each, place) => each === cut.taken[place])) return true;
    return tokenBytes.stayApart(path[path.length - 1], id);
  };
  const makeNode = (path, rest) => {
    const table = tokenBytes.after([...cut.fed, ...path]);
    const read = cut.tail.slice(0, cut.tail.length - rest.length);
    const follows = utf8[utf8.length > 1 ? utf8State(bytesOfKey(read)) : 0];
    const exact = table.exactly(rest).filter((id) => isTaken(path, id));
    let found = table.beyond(rest).filter((id) => follows[id] >= 0);
    if (found.length <= MOST_CHECKED) found = found.filter((id) => isTaken(path, id));
    return { path, rest, table, exact, beyond: found.map((id) => [id, follows[id]]), within: new Map(), agreement: 0 };
  };
  const root = makeNode([], cut.tail), nodes = [root];
  for (const node of nodes) { // which grow meanwhile
    for (const [id, end] of node.table.within(node.rest)) {
      if (nodes.length >= MOST_NODES || !isTaken(node.path, id)) continue;
      nodes.push(makeNode([...node.path, id], node.rest.slice(end)));
      node.within.set(id, nodes[nodes.length - 1]);
    }
  }
  prune(root);
  return hasWay(root) ? root : null;
}

const hasWay = (node) => node.exact.length || node.beyond.length || node.within.size;

function prune(node) {
  for (const [id, below] of node.within) {
    prune(below);
    if (!hasWay(below)) node.within.delete(id);
  }
}

const walk = (node) => [node, ...[...node.within.values()].flatMap(walk)];

/** Sets how likely a text agrees with the rest of its prompt from each node below the root on. */
function weighPaths(steps, cut, root) {
  if (!root.within.size) return;
  const depth = Math.max(...walk(root).map(({ path }) => path.length));
  const room = steps.capacity === null ? LOOK_BACK : Math.min(LOOK_BACK, steps.capacity - depth);
  if (room <= 0) return;
  steps.restart();
  steps.feed(cut.fed.slice(-room));
  weighBelow(steps, root);
}

function weighBelow(steps, node) {
  const before = steps.save();
  for (const [id, below] of node.within) {
    const logits = Float64Array.from(steps.advance(id));
    for (const each of SUPPRESSED) logits[each] = -Infinity;
    weighBelow(steps, below);
    const ends = [...below.exact, ...below.beyond.map(([token]) => token)].map((token) => logits[token]);
    for (const [token, further] of below.within) ends.push(logits[token] + further.agreement);
    const found = ends.length ? logTotal(ends) - logTotal(logits) : -Infinity;
    below.agreement = Number.isFinite(found) ? Math.max(found, LEAST_AGREEMENT) : LEAST_AGREEMENT;
    steps.load(before);
  }
}

/** Returns the table of states for a prompt, whose root may be null: bias, follows, where it begins. */
function makeGuide(tokenBytes, root) {
  const plain = tokenBytes.utf8Follows(), consumed = plain.length, size = plain[0].length;
  plain.forEach((follows, state) => {
    for (const id of SUPPRESSED) follows[id] = REFUSED;
    if (state !== READY) follows[END] = REFUSED;
    if (follows.every((each) => each === REFUSED)) follows.fill(READY, UNK + 1);
  });
  const nodes = root && tokenBytes.haveSeveralCharacters ? walk(root) : [];
  const states = [...plain, plain[READY].slice(), ...nodes.map(() => new Int32Array(size).fill(REFUSED))];
  const bias = states.map((follows) => Float32Array.from(follows, (each) => (each < 0 ? -Infinity : 0)));
  nodes.forEach((node, place) => {
    const row = consumed + 1 + place;
    const lead = (id, state, weight) => { states[row][id] = state; bias[row][id] = weight; };
    node.exact.forEach((id) => lead(id, consumed, 0));
    node.beyond.forEach(([id, state]) => lead(id, state, 0));
    node.within.forEach((below, id) => lead(id, consumed + 1 + nodes.indexOf(below), below.agreement));
  });
  const follows = states.map((each) => each.map((state) => Math.max(0, state)));
  return { bias, follows, consumed, initial: nodes.length ? consumed + 1 : READY };
}
