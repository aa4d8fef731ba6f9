// The engine: one trained model with its tokenizer, samplers and counts, opened from a block of bytes.

const READS_AT_MOST = 4096; // tokens of a prompt and a text together, where a sampler reads the text

/** Opens what the exporter wrote: compressed, a JSON text and the bytes that it describes. */
async function openEngine(text) {
  const packed = new Blob([bytesOfText(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const described = JSON.parse(decoder.decode(bytes.subarray(4, 4 + length)));
  return new Engine(described, bytes.subarray(8 * Math.ceil((4 + length) / 8)));
}

/** Returns the bytes of a text in which five digits to the base 85 are four; their length comes first. */
function bytesOfText(text) {
  const view = new DataView(new ArrayBuffer((text.length / 5) * 4));
  for (let place = 0, next = 0; place < text.length; next += 4) {
    let number = 0;
    for (const end = place + 5; place < end; place++) {
      const code = text.charCodeAt(place);
      number = number * 85 + (code === 125 ? 20 : code - 40); // } is in the place of <
    }
    view.setUint32(next, number);
  }
  return new Uint8Array(view.buffer, 4, view.getUint32(0));
}

class Engine {
  constructor(described, bytes) {
    const { cleaning, samplers, constants, counts, model, knows_starts: knowsStarts } = described;
    Object.assign(this, { cleaning, samplers, knowsStarts, tokenizer: new Tokenizer(described.tokenizer) });
    this.tokenBytes = new TokenBytes(this.tokenizer);
    this.constants = new Constants(constants, bytes);
    this.steps = new Steps(model, this.constants, counts && openCounts(counts, this.constants));
  }

  /** Returns the tokens of a text as the model meets it, cleaned as its corpus was. */
  read(text) {
    const cleaned = cleanText(text, this.cleaning);
    return { text: cleaned, tokens: this.tokenizer.read(cleaned) };
  }

  /** Returns the tokens of a text as a prompt, each with its text. */
  tokenize(text) {
    const { tokens } = this.read(text), stream = new TextStream(this.tokenBytes, [START]);
    const found = tokens.map(({ id }) => ({ id, text: stream.push([id]) }));
    if (found.length) found[found.length - 1].text += stream.finish();
    return { tokens: found };
  }

  /** Returns what writes a text, token by token. */
  write(request) {
    const chain = request.samplers.map((spec) => readSpec(spec, this.samplers));
    const stages = chain.map(({ sampler, values }) => new Stage(sampler, this.constants, values));
    const { prompt, root, state = READY } = this.prompt(request);
    const readsText = chain.some(({ sampler }) => sampler.program.about.capacity !== null);
    const room = READS_AT_MOST - prompt.fed.length - MOST_NODES;
    if (readsText && request.max_new_tokens > room) {
      throw new RequestError(`With these samplers ${Math.max(0, room)} more tokens have room after this prompt.`);
    }
    const guide = makeGuide(this.tokenBytes, root);
    if (!root) guide.initial = state;
    const { steps, tokenBytes } = this;
    return new Loop({ steps, stages, guide, prompt, tokenBytes, request });
  }

  /** Returns a prompt as it is fed, the paths through its end, and the state that it begins in. */
  prompt({ prompt: text = "", prompt_ids: ids }) {
    if (ids) return this.asGiven(ids.map((id) => (id === END ? START : id)));
    const prompt = cutPrompt(this.read(text), this.tokenBytes, this.knowsStarts);
    const root = prompt.tail ? findPaths(prompt, this.tokenBytes) : null;
    if (root) weighPaths(this.steps, prompt, root);
    else if (prompt.tail) Object.assign(prompt, { fed: [...prompt.fed, ...prompt.taken], taken: [], tail: "" });
    return { prompt, root };
  }

  /** Returns token ids as a prompt; they may end inside a character. */
  asGiven(ids) {
    const fed = ids[0] === START ? ids : [START, ...ids];
    const prompt = { fed, taken: [], tail: "" };
    if (!this.tokenBytes.areBytes) return { prompt, root: null };
    const bytes = fed.slice(-4).flatMap((id) => this.tokenBytes.after([]).added[id]);
    const begun = openBytes(bytes);
    return { prompt, root: null, state: begun ? utf8State(bytes.slice(-begun)) : READY };
  }
}
