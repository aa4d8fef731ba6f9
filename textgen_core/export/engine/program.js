// A program: its graphs of operations, made ready once and run again and again.

/** Reads the constants of all programs, which lie behind each other in one block of bytes. */
class Constants {
  constructor(described, bytes) {
    this.described = described; // of each: kind, where it begins, how many elements; of rows: scales
    this.bytes = bytes;
    this.read = [];
  }

  get(number) {
    return this.read[number] || (this.read[number] = this.open(...this.described[number]));
  }

  open(kind, start, size, scales, rows) {
    const array = (type, from, count) => new type(this.bytes.buffer, this.bytes.byteOffset + from, count);
    if (kind === "rows8") { // whole numbers, with a scale for each row
      return { data: array(Int8Array, start, size), scales: array(Float32Array, scales, rows) };
    }
    if (kind === "float16") return { data: Float32Array.from(array(Uint16Array, start, size), halfToFloat) };
    if (kind === "int64") return { data: Float64Array.from(array(BigInt64Array, start, size), Number) };
    return { data: array(ARRAYS[kind], start, size) };
  }
}

function halfToFloat(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

class Graph {
  constructor({ tensors, inputs, outputs, operations }, constants, graphOf) {
    const made = tensors.map(([type, shape, constant]) => (constant === undefined
      ? { type, shape, data: new ARRAYS[type](sizeOf(shape)) }
      : { type, shape, isConstant: true, ...constants.get(constant) }));
    const of = (numbers) => numbers.map((number) => made[number]); // -1: left out
    this.inputs = of(inputs);
    this.outputs = of(outputs);
    this.operations = withSumsOfProducts(operations.map(([name, from, to, options = {}]) => ({
      name, options, inputs: of(from), outputs: of(to),
      run: activated(kernels[name](of(from), of(to), options, graphOf), options, made[to[0]]),
    })), this.outputs);
    this.all = this.operations.map(({ run }) => run);
    const read = new Set([...this.operations.flatMap((each) => each.inputs), ...this.outputs]);
    this.isRead = this.inputs.map((each) => read.has(each));
  }

  /** Returns those operations, in their order, on which some outputs depend. */
  needed(outputs) {
    const wanted = new Set(outputs);
    const kept = [...this.operations].reverse().filter((operation) => {
      if (!operation.outputs.some((tensor) => wanted.has(tensor))) return false;
      operation.inputs.forEach((tensor) => wanted.add(tensor));
      return true;
    });
    return kept.reverse().map(({ run }) => run);
  }

  take(tensors) {
    tensors.forEach((tensor, number) => { if (this.isRead[number]) this.inputs[number].data.set(tensor.data); });
  }

  run(operations = this.all) {
    for (let number = 0; number < operations.length; number++) operations[number]();
  }
}

/** Returns what computes an operation and then applies its activation, which most have not. */
function activated(run, { fusedActivationFunction: number = 0 }, { data }) {
  const activate = ACTIVATIONS[number];
  if (activate === undefined) throw new Error("an activation that is not known");
  return activate === null ? run : () => {
    run();
    for (let place = 0; place < data.length; place++) data[place] = activate(data[place]);
  };
}

/** Returns the graph of a whole program, whose loops have graphs of their own. */
function openProgram(program, constants) {
  const graphs = [];
  const graphOf = (number) => graphs[number]
    || (graphs[number] = new Graph(program.graphs[number], constants, graphOf));
  return graphOf(0);
}
