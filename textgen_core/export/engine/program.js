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
  constructor(described, constants, graphOf) {
    this.tensors = described.tensors.map(([type, shape, constant]) => {
      if (constant === undefined) return makeTensor(type, shape);
      return { type, shape, isConstant: true, ...constants.get(constant) };
    });
    const of = (numbers) => numbers.map((number) => this.tensors[number]); // -1: left out
    this.inputs = of(described.inputs);
    this.outputs = of(described.outputs);
    const operations = described.operations.map(([name, inputs, outputs, options = {}]) => ({
      name, options, inputs: of(inputs), outputs: of(outputs),
      run: kernels[name](of(inputs), of(outputs), options, graphOf),
    }));
    this.operations = withSumsOfProducts(operations, this.outputs);
    this.all = this.operations.map(({ run }) => run);
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
    tensors.forEach((tensor, number) => this.inputs[number].data.set(tensor.data));
  }

  run(operations = this.all) {
    for (let number = 0; number < operations.length; number++) operations[number]();
  }
}

/** Returns the graph of a whole program, whose loops have graphs of their own. */
function openProgram(program, constants) {
  const graphs = [];
  const graphOf = (number) => graphs[number]
    || (graphs[number] = new Graph(program.graphs[number], constants, graphOf));
  return graphOf(0);
}
